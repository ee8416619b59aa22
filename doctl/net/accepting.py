"""Takes a server's TCP connections: so many of one address, and so many in all, counted before any TLS."""

import asyncio
import contextlib
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Callable
from typing import Final

from doctl.wire.places import owner_of_host

SPARED: Final = 64
"""Descriptors that are left to everything else."""
SHAKING_HANDS: Final = 10.0
"""Seconds for a TLS handshake."""
OUT_OF_DESCRIPTORS: Final = 0.1
"""Seconds until the next try where the system could not give a connection."""


class Door:
    """Lets connections to the listening ``sock`` in; ``make`` makes a protocol for each, which sets the event at last.

    At most ``of_owner`` of one IPv4 address or IPv6 /64 are open at a time, and ``at_once`` in all, or what the system
    lets a process have open. More are closed without a word.
    """

    def __init__(
        self,
        sock: socket.socket,
        make: Callable[[asyncio.Event], asyncio.Protocol],
        context: ssl.SSLContext | None,
        *,
        at_once: int,
        of_owner: int,
    ) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._make = make
        self._context = context
        self._at_once = min(at_once, _room())
        self._of_owner = of_owner
        self._open: Counter[str] = Counter()
        self._guests: set[asyncio.Task[None]] = set()

    async def accept(self) -> None:
        """Let connections in until cancelled, which leaves those that are open as they are."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                caller, (host, *_) = await loop.sock_accept(self._socket)
            except ConnectionError:  # the caller was gone before we looked
                await asyncio.sleep(0)
                continue
            except OSError:  # asyncio's own server would try thousands of times, each with a traceback
                await asyncio.sleep(OUT_OF_DESCRIPTORS)
                continue
            owner = owner_of_host(host)
            if len(self._guests) >= self._at_once or self._open[owner] >= self._of_owner:
                caller.close()
            else:
                self._let_in(caller, owner)
            await asyncio.sleep(0)  # who is in has turns too, however many knock

    def _let_in(self, caller: socket.socket, owner: str) -> None:
        def left(task: asyncio.Task[None]) -> None:
            self._guests.discard(task)
            self._open[owner] -= 1
            if not self._open[owner]:
                del self._open[owner]

        self._open[owner] += 1
        guest = asyncio.create_task(self._serve(caller))
        self._guests.add(guest)
        guest.add_done_callback(left)

    async def _serve(self, caller: socket.socket) -> None:
        """Shake hands, and stay until the connection is gone."""
        gone = asyncio.Event()
        patience = SHAKING_HANDS if self._context else None
        with contextlib.suppress(OSError):  # whoever called has gone, or speaks no TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._make(gone), caller, ssl=self._context, ssl_handshake_timeout=patience
            )
            await gone.wait()


def _room() -> int:
    """Return how many descriptors there are for connections."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource  # noqa: PLC0415 - Windows has none

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if most == resource.RLIM_INFINITY else max(most - SPARED, most // 2)
