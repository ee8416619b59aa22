"""The real network: asyncio over the system's sockets, and the one HTTP client."""

import asyncio
import contextlib
import errno
import functools
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

from doctl.endpoints import Address
from doctl.errors import LocalError, NameLookupError, NetworkError
from doctl.net import sending
from doctl.net.os_errors import of_look_up, of_os_error
from doctl.net.slots import Slots
from doctl.net.threads import uninterruptible

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from doctl.net.adapters import Adapter
    from doctl.net.background import Pace
    from doctl.net.base import Controller
    from doctl.net.certificates import Certificate
    from doctl.net.firewall import Flow, Ruling
    from doctl.net.listeners import Listening
    from doctl.net.proxies.route import ProxySettings
    from doctl.net.routes import Route
    from doctl.net.teredo_state import TeredoState
    from doctl.net.udp import SystemDatagrams


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """Turn an OSError about ``what`` into the NetworkError of its kind."""
    try:
        yield
    except OSError as error:
        raise of_os_error(what, error) from error


def _address(sockaddr: tuple[str | int, ...]) -> Address:
    return Address(str(sockaddr[0]).removeprefix("::ffff:"), int(sockaddr[1]))


def _nothing() -> None:
    """Do nothing."""


class SystemConnection:
    """A connected, non-blocking TCP socket with Nagle's algorithm off; ``on_close`` is called when it is closed."""

    def __init__(self, sock: socket.socket, on_close: Callable[[], None] = _nothing) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._on_close = on_close
        self._pace: Pace | None = None
        self._loop = asyncio.get_running_loop()
        self.local = _address(sock.getsockname())
        self.remote = _address(sock.getpeername())

    async def receive_into(self, buffer: memoryview) -> int:
        """Read at least one byte into ``buffer`` and return how many; 0 at the end."""
        with _named(str(self.remote)):
            return await self._loop.sock_recv_into(self._socket, buffer)

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of ``data``."""
        with _named(str(self.remote)):
            await self._loop.sock_sendall(self._socket, data)

    async def send_file(self, file: BinaryIO, offset: int, count: int, head: bytes = b"") -> None:
        """Send ``head`` and a stretch of ``file``: sendfile on POSIX, TransmitFile on Windows, a copy elsewhere."""
        with _named(str(self.remote)):
            if head:
                await sending.send_head(self._socket, head)
            sent = await sending.send_file(self._socket, file, offset, count)
        if sent != count:
            raise LocalError(f"{file.name}: ends {count - sent} bytes early; something else shortened it")

    def give_way(self, controller: "Controller") -> str:
        """Let ``room`` wait until nobody else would notice."""
        from doctl.net import background  # noqa: PLC0415 - only uploads give way

        self._pace = background.pace(self._socket, controller)
        return self._pace.means

    async def room(self, most: int) -> int:
        """Wait until more may be sent."""
        if self._pace is None:
            return most
        with _named(str(self.remote)):
            return await self._pace.room(most)

    def close(self) -> None:
        """Close at once."""
        self._socket.close()
        self._on_close()


class SystemListener:
    """A listening TCP socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self.address = _address(sock.getsockname())

    async def accept(self) -> SystemConnection:
        """Wait for the next connection; one that vanished before it was accepted is passed over."""
        while True:
            try:
                sock, _ = await self._loop.sock_accept(self._socket)
            except (ConnectionError, InterruptedError):
                continue
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    await asyncio.sleep(0.1)  # out of descriptors: others must close first
                    continue
                raise NetworkError(f"{self.address}: {error.strerror}") from error
            try:
                return SystemConnection(sock)
            except OSError:  # the caller was gone before we looked: ENOTCONN, on macOS EINVAL
                sock.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def _look_up(host: str) -> list[str]:
    """Return the addresses of ``host``; NameLookupError where it cannot be resolved."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise of_look_up(host, error) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class SystemNetwork:
    """The system's own network. With ``most_connections`` no more than so many that it makes are open at once.

    Who wants one more waits for it, and that wait does not count against the timeout of what was asked.
    """

    platform = sys.platform

    def __init__(self, most_connections: int | None = None) -> None:
        self._slots = Slots(most_connections) if most_connections else None

    @functools.cached_property
    def _trust(self) -> ssl.SSLContext:
        """Made once: reading the system's authorities takes tens of milliseconds, and a check looks at many hosts."""
        return system_trust()

    def now(self) -> float:
        """Monotonic seconds, by the clock of asyncio's loops."""
        return time.monotonic()

    async def resolve(self, host: str, timeout: float) -> list[str]:
        """Return the addresses of ``host``; what looks it up is left behind when the time is up."""
        try:
            return await uninterruptible(functools.partial(_look_up, host), timeout)
        except TimeoutError:
            raise NameLookupError(f"{host}: the name was not resolved within {timeout:g} s") from None

    async def aliases(self, host: str, timeout: float) -> tuple[str, ...]:
        """Return the names that ``host`` is an alias of."""
        from doctl.net import aliases  # noqa: PLC0415 - only checks ask

        return await aliases.read(host, timeout)

    async def connect(self, address: Address, timeout: float) -> SystemConnection:
        """Open a TCP connection to the first address of ``address`` that answers."""
        give_back = await self._slots.take() if self._slots else _nothing
        try:
            return await self._connect_any(address, timeout, give_back)
        except BaseException:
            give_back()
            raise

    async def _connect_any(self, address: Address, timeout: float, on_close: Callable[[], None]) -> SystemConnection:
        start = self.now()
        last: NetworkError = NameLookupError(f"{address.host}: the name has no address")
        for host in await self.resolve(address.host, timeout):
            left = timeout - (self.now() - start)
            try:
                return await self._connect_one(Address(host, address.port), max(left, 0.001), on_close)
            except NetworkError as error:
                last = error
        raise last

    async def _connect_one(self, address: Address, timeout: float, on_close: Callable[[], None]) -> SystemConnection:
        sock = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            with _named(str(address)):
                async with asyncio.timeout(timeout):
                    await asyncio.get_running_loop().sock_connect(sock, (address.host, address.port))
                return SystemConnection(sock, on_close)
        except BaseException:
            sock.close()
            raise

    async def listen(self, address: Address) -> SystemListener:
        """Listen on ``address``; ``::`` takes IPv4 as well where the system allows."""
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":  # on Windows the option would let two programs share the port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address.host == "::":
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind((address.host, address.port))
            sock.listen(128)
            sock.setblocking(False)
            return SystemListener(sock)
        except OSError as error:
            sock.close()
            raise LocalError(f"cannot listen on {address}: {error.strerror}") from error

    async def datagrams(self, address: Address) -> "SystemDatagrams":
        """Open a UDP socket bound to ``address``."""
        from doctl.net import udp  # noqa: PLC0415 - only Teredo asks

        return udp.bound(address)

    def http(
        self,
        *,
        proxy: str | None = None,
        direct: bool = False,
        timeout: float,
        connections: int = 16,
        bulk: bool = False,
    ) -> "httpx.AsyncClient":
        """Make the HTTP client."""
        from doctl.net.http_client import make_client  # noqa: PLC0415 - most commands need no HTTP

        return make_client(
            self._trust,
            proxy=proxy,
            direct=direct,
            timeout=timeout,
            connections=connections,
            bulk=bulk,
            slots=self._slots,
        )

    async def certificate(
        self, address: Address, server_name: str, timeout: float, proxy: str | None = None
    ) -> "Certificate":
        """Return the certificate that ``address`` shows, trusted or not."""
        from doctl.net import certificates  # noqa: PLC0415 - only checks ask

        return await certificates.read_certificate(
            self.connect, self._trust, address, server_name, timeout, proxy=proxy
        )

    async def proxy_settings(self, timeout: float) -> "ProxySettings":
        """Return what the environment and the system say about proxies."""
        from doctl.net.proxies import reading  # noqa: PLC0415 - only checks ask

        return await reading.read(timeout)

    async def adapters(self, timeout: float) -> "tuple[Adapter, ...]":
        """Return this machine's network adapters."""
        from doctl.net.adapters import live  # noqa: PLC0415 - only checks ask

        return await live.read(timeout)

    async def route(self, address: str, timeout: float) -> "Route":
        """Return which way packets to ``address`` leave this machine."""
        from doctl.net.routes import reading  # noqa: PLC0415 - only checks ask

        return await reading.read(address, timeout)

    async def listeners(self, port: int, timeout: float) -> "list[Listening]":
        """Return who listens on TCP ``port``."""
        from doctl.net import listeners  # noqa: PLC0415 - only checks ask

        return await listeners.read(port, timeout)

    async def firewall(self, flow: "Flow", timeout: float) -> "tuple[Ruling, ...]":
        """Return what each firewall tool says about ``flow``."""
        from doctl.net.firewall import reading  # noqa: PLC0415 - only checks ask

        return await reading.rulings(flow, timeout)

    def neighbours(
        self, port: int, own: Sequence[str], found: Callable[[Address], None]
    ) -> contextlib.AbstractAsyncContextManager[None]:
        """Announce a peer to the local network, and hear of others."""
        from doctl.net.neighbours import neighbours  # noqa: PLC0415 - an extra, off unless asked for

        return neighbours(port, own, found)

    async def battery(self) -> float | None:
        """Return the battery's percent while the machine runs on it."""
        from doctl.net import machine  # noqa: PLC0415 - only transfers ask

        return machine.battery()

    def local_time(self) -> datetime:
        """Return the time of this place."""
        return datetime.now().astimezone()

    async def memory(self) -> int | None:
        """Return the bytes of memory."""
        from doctl.net import machine  # noqa: PLC0415 - only transfers ask

        return machine.memory()

    async def disk_size(self, folder: "Path") -> int | None:
        """Return the bytes of the disk of ``folder``."""
        from doctl.net import machine  # noqa: PLC0415 - only transfers ask

        return machine.disk_size(folder)

    async def metered(self, timeout: float) -> bool | None:
        """Return whether the network is metered."""
        from doctl.net import metered  # noqa: PLC0415 - only transfers ask

        return await metered.read(timeout)

    async def registry(self, key: str, names: Sequence[str]) -> Mapping[str, object]:
        """Return values of a registry key."""
        if self.platform != "win32":
            raise LocalError("this system has no registry")
        from doctl.net import registry  # noqa: PLC0415 - only checks ask

        return registry.values("HKEY_LOCAL_MACHINE", key, names)

    async def teredo_state(self, timeout: float) -> "TeredoState | None":
        """Return what Windows' Teredo client says."""
        from doctl.net import teredo_state  # noqa: PLC0415 - only checks ask

        return await teredo_state.read(timeout) if self.platform == "win32" else None


def system_trust() -> ssl.SSLContext:
    """Return a client TLS context that trusts what the operating system trusts (SSL_CERT_FILE comes first)."""
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context()
    import truststore  # noqa: PLC0415 - only HTTPS needs it

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
