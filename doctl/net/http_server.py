"""Runs an application as an HTTP server, with bounds that uvicorn itself has none of."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from doctl.endpoints import Address
from doctl.errors import LocalError, UsageError
from doctl.net.accepting import Door

if TYPE_CHECKING:
    from starlette.types import ASGIApp

MOST_OF_ADDRESS: Final = 256
"""Connections of one IPv4 address or IPv6 /64 at a time: a site's worth of machines, far too many of one."""
MOST_AT_ONCE: Final = 2048
"""Requests at a time, and connections with them; more are answered 503."""
PATIENCE: Final = 10.0
"""Seconds for the head of a request to come."""
LONGEST_HEAD: Final = 64 * 1024
"""Bytes of a request's line and headers."""
READ: Final = 16 * 1024
"""Bytes that are looked at before requests are counted again."""
MOST_AHEAD: Final = 8
"""Requests that a client may send before the answer to the first; nobody does it, and uvicorn would take any number."""
KEPT: Final = 30
"""Seconds that an idle connection is kept."""
TAKING: Final = 30.0
"""Seconds that a client may let an answer lie before it takes what the system can hold of it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The files of a certificate, with what vouches for it, and its key, in PEM."""

    certificate: Path
    key: Path


class _Server(uvicorn.Server):
    """A server that says when it listens, and takes signals only where it is ``alone`` in its process."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], alone: bool) -> None:
        super().__init__(config)
        self._ready = ready
        self._alone = alone
        self._accepting: list[asyncio.Task[None]] = []

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals() if self._alone else contextlib.nullcontext():
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        doors = [
            Door(sock, self._guest, self.config.ssl, at_once=MOST_AT_ONCE, of_owner=MOST_OF_ADDRESS)
            for sock in sockets or ()
        ]
        self._accepting = [asyncio.create_task(door.accept()) for door in doors]
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._close_doors()
        await super().shutdown(sockets)

    def end(self) -> None:
        """Close at once what is still open: all of it where ``serve`` was cancelled, else nothing."""
        self._close_doors()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    def _close_doors(self) -> None:
        for accepting in self._accepting:
            accepting.cancel()

    def _guest(self, gone: asyncio.Event) -> asyncio.Protocol:
        guest = Bounded(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        guest.gone = gone
        return guest


class Bounded(HttpToolsProtocol):
    """A connection on which a request's head has bounds of size and time, and taking an answer has one of time.

    ``gone`` is set when it is closed; ``taking`` is in seconds.
    """

    gone: asyncio.Event
    taking = TAKING
    _head = 0
    _waiting: asyncio.TimerHandle | None = None
    _lying: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        # uvicorn writes head and body apart, and the body would wait for the head's acknowledgement, some 40 ms
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        """Take bytes in, few enough at a time that nothing grows beyond its bounds."""
        for start in range(0, len(data), READ):
            self._take(data[start : start + READ])
            if len(self.pipeline) > MOST_AHEAD:
                self.transport.abort()
            if self.transport.is_closing():
                return

    def _take(self, data: bytes) -> None:
        """Count the bytes and the time of a request's head."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._head = 0
            self._stop_waiting()
            return
        self._head += len(data)
        if self._head > LONGEST_HEAD:
            self.transport.abort()
        elif self._waiting is None:
            self._wait()

    def pause_writing(self) -> None:
        """Give the client a while to take what lies here for it."""
        super().pause_writing()
        self._lying = self.loop.call_later(self.taking, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: it has taken it."""
        super().resume_writing()
        if self._lying is not None:
            self._lying.cancel()
            self._lying = None

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(PATIENCE, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


async def serve_http(
    app: "ASGIApp", address: Address, identity: Identity | None, ready: Callable[[Address], None], *, alone: bool = True
) -> None:
    """Serve ``app`` on ``address`` until cancelled; ``ready`` hears where, with the port the system gave for 0.

    Where it is ``alone`` in its process, a signal to end lets requests that are under way come to their end first.
    LocalError where it cannot listen, UsageError for a certificate or key that cannot be used.
    """
    with _listening(address) as sock:
        where = Address(*sock.getsockname()[:2])
        config = uvicorn.Config(
            app,
            http=Bounded,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # a warning for each request that is no HTTP is a log that strangers can fill
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=KEPT,
            timeout_graceful_shutdown=3,
        )
        config.load()
        config.ssl = _context(identity) if identity else None
        server = _Server(config, lambda: ready(where), alone)
        try:
            await server.serve([sock])
        finally:
            server.end()


@contextlib.contextmanager
def _listening(address: Address) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    both = address.host == "::" and socket.has_dualstack_ipv6()
    try:
        sock = socket.create_server((address.host, address.port), family=family, backlog=2048, dualstack_ipv6=both)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]  # what follows names the address again
        raise LocalError(f"cannot listen on {address}: {why}") from error
    with sock:
        yield sock


def _context(identity: Identity) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(identity.certificate, identity.key)
    except OSError as error:
        wrong = isinstance(error, ssl.SSLError)  # which is an OSError, with the words of a library
        why = "they are not PEM, or do not belong together" if wrong else error.strerror
        raise UsageError(f"{identity.certificate} with {identity.key} is no certificate: {why}") from None
    return context
