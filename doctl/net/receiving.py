"""Makes one TCP connection give way to everything else when it receives, by the best means that the system has."""

import asyncio
import contextlib
import socket
import sys
from typing import TYPE_CHECKING, Final, Protocol

from doctl.net.background import SHORTEST_WAIT, Bucket, TcpInfo, by_system, info_of, stays_here
from doctl.net.base import Controller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

RLEDBAT_BUILD: Final = 22621
"""The first Windows (11, 22H2) that holds back what comes in as well."""
TCP_WINDOW_CLAMP: Final = 10
"""linux/tcp.h: the most that the other side is told it may send; the kernel forgets it when its buffer grows."""
SO_BUF_LOCK: Final = 72
"""asm-generic/socket.h, since 5.14; 0 lets the kernel choose the size of buffers again."""
SMALL_BUFFER: Final = 4 * 1024
"""Bytes, which the kernel doubles: a few packets that nobody reads fill it, and so close the window."""
USUAL_BUFFER: Final = 1 << 20
"""Bytes to go on with when the window need not be closed any more."""
WINDOWS: Final = 8
"""Windows that have to come before their time tells a round trip: what comes in bursts is off by one of them."""
REORDERED: Final = 3
"""Packets out of their order, between two looks, that are a loss: as many as TCP itself goes by."""
LONGEST_REST: Final = 2.0
"""Seconds after which to look at least whether others are still there."""


class Receiving(Protocol):
    """Lets a receiver go on when nobody else would notice. ``means`` says by what."""

    means: str

    async def came(self, count: int) -> None:
        """Hear that ``count`` bytes were read, and wait until there may be more."""
        ...


class Stamped:
    """Tells round trips as the kernel has them, where both sides put timestamps on their packets."""

    def start(self, info: TcpInfo, now: float) -> None:
        """Begin anew."""
        self._received, self._since = info.received, now

    def round_trip(self, info: TcpInfo, now: float) -> float | None:
        """Return seconds, None before a quarter of a round trip."""
        early = now - self._since < max(info.receive_rtt / 4, SHORTEST_WAIT)
        return None if early or info.received == self._received else info.receive_rtt


class Counted:
    """Tells round trips by how long a few windows take to come: what is on its way is rate times round trip.

    What an earlier window allowed, and what comes of a larger one, would make them seem shorter than they are.
    """

    def start(self, info: TcpInfo, now: float) -> None:
        """Begin anew, with the first byte that could not be sent before now."""
        self._first = info.received + (info.told or 0)
        self._most = 0
        self._since = now

    def round_trip(self, info: TcpInfo, now: float) -> float | None:
        """Return seconds, None before enough has come."""
        if not self._most:
            if info.received >= self._first:
                self._first, self._most, self._since = info.received, max(info.told or 0, 1), now
            return None
        self._most = max(self._most, info.told or 0)
        came = info.received - self._first
        return (now - self._since) * self._most / came if came >= WINDOWS * self._most else None


class Clamped:
    """Linux: bounds what may be on its way to us, as ``controller`` says (the idea of RFC 9840).

    A receiver sees no loss, but the packets that overtake what was lost.
    """

    means = "LEDBAT++ of doctl's own, by the receive window"

    def __init__(self, sock: socket.socket, controller: Controller) -> None:
        self._socket = sock
        self._controller = controller
        self._loop = asyncio.get_running_loop()
        self._closes = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * SMALL_BUFFER
        self._last = info_of(sock)
        if not self._last.timestamps and self._last.told is None:
            raise OSError("neither the round trip nor the window is known")
        self._meter: Stamped | Counted = Stamped() if self._last.timestamps else Counted()
        self._clamp()
        self._meter.start(self._last, self._loop.time())

    async def came(self, count: int) -> None:  # noqa: ARG002 - the kernel's count is exact, within a TLS record too
        """Tell the controller of each round trip; rest where less than two packets may be on their way."""
        with contextlib.suppress(OSError):  # closed meanwhile: who reads on will hear of it
            self._clamp()  # the kernel forgets it when its buffer grows
            info = info_of(self._socket)
            rtt = self._meter.round_trip(info, self._loop.time())
            if rtt is not None:
                before, self._last = self._last, info
                await self._adjust(info, before, rtt)

    async def _adjust(self, info: TcpInfo, before: TcpInfo, rtt: float) -> None:
        came = info.received - before.received  # during a rest, too
        self._controller.look(
            self._loop.time(),
            rtt=rtt,
            least=min(rtt, info.least_rtt),
            mss=info.receive_mss,
            acked=came,
            lost=info.disordered - before.disordered >= REORDERED,
            full=True,
        )
        self._clamp()
        await self._rest(info, self._controller.rest(came))
        self._meter.start(info_of(self._socket), self._loop.time())

    def _clamp(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, TCP_WINDOW_CLAMP, self._controller.window)

    async def _rest(self, info: TcpInfo, seconds: float) -> None:
        """Read nothing for a while, and let that close the window; but not before a larger one is used up."""
        larger = (info.told or 0) > max(self._controller.window, SMALL_BUFFER)  # it is told in steps, rounded up
        shut = seconds > 0 and (self._closes or not larger)
        if shut != self._closes:
            self._closes = shut
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER if shut else USUAL_BUFFER)
            if not shut:
                with contextlib.suppress(OSError):
                    self._socket.setsockopt(socket.SOL_SOCKET, SO_BUF_LOCK, 0)
        if shut:
            await asyncio.sleep(min(seconds, LONGEST_REST))


class BySystem:
    """The system itself holds the connection back; nothing is to be done here."""

    def __init__(self, means: str) -> None:
        self.means = means

    async def came(self, count: int) -> None:
        """Let everything pass."""


class Dripping:
    """Neither measures nor is held back: a fixed rate."""

    means = Bucket.means

    def __init__(self) -> None:
        self._bucket = Bucket()

    async def came(self, count: int) -> None:
        """Wait as long as the bytes should have taken."""
        while count > 0:
            count -= await self._bucket.room(count)


def read_gently(response: "httpx.Response", controller: Controller) -> "tuple[str, AsyncIterator[bytes]]":
    """Make the connection that ``response`` comes over give way; return by what means, and the body as it comes."""
    stream = response.extensions.get("network_stream")
    sock = stream.get_extra_info("socket") if stream is not None else None
    means = Dripping() if sock is None else receiving(sock, controller)
    return means.means, _held_back(response.aiter_raw(), means)


async def _held_back(chunks: "AsyncIterator[bytes]", receiving: Receiving) -> "AsyncIterator[bytes]":
    async for chunk in chunks:
        await receiving.came(len(chunk))
        yield chunk


def receiving(sock: socket.socket, controller: Controller, platform: str = sys.platform) -> Receiving:
    """Make ``sock`` give way by what ``platform`` has; where that fails, by a fixed rate."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # the system is too old, or not quite the real one
        if platform == "win32" and not stays_here(sock) and _windows_build() < RLEDBAT_BUILD:
            return Dripping()
        if (means := by_system(sock, platform)) is not None:
            return BySystem(means)
        if platform == "linux":
            return Clamped(sock, controller)
    return Dripping()


def _windows_build() -> int:
    return int(sys.getwindowsversion().build)  # type: ignore[attr-defined,unused-ignore]  # Windows only
