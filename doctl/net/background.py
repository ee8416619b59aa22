"""Makes one TCP connection give way to everything else when it sends, by the best means that the system has."""

import asyncio
import contextlib
import ctypes
import importlib
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from doctl.net.base import Controller

FALLBACK_RATE: Final = 1_000_000
"""Bytes a second on a system that offers nothing: little enough not to be felt on most links."""
FALLBACK_BURST: Final = 16 * 1024
"""Bytes that are let through at once there."""
SHORTEST_WAIT: Final = 0.0005
LONGEST_WAIT: Final = 0.05
"""Seconds between two looks at a connection whose window is full; within these half the round trip.

Twice as many looks keep a line no busier and cost a fifth more processor time.
"""

SIO_PRIORITY_HINT: Final = 0x98000018
"""mstcpip.h: _WSAIOW(IOC_VENDOR, 24), Windows 10 1709 and newer; the kernel then runs LEDBAT++ on the socket."""
PRIORITY_VERY_LOW: Final = 0
SO_TRAFFIC_CLASS: Final = 0x1086
"""XNU's sys/socket.h; background classes are sent by LEDBAT there."""
TRAFFIC_BACKGROUND_SYSTEM: Final = 100

SMOOTHING: Final = 1 / 8
"""Weight of each round trip in the kernel's own figure (RFC 6298)."""

_SIOCOUTQ: Final = 0x5411
_CLOSED: Final = 7
_TCP_INFO: Final = struct.Struct("=8B24I4Q4I")
"""linux/tcp.h, struct tcp_info as far as tcpi_min_rtt, which kernels have since 4.6."""
_DISORDERED: Final = struct.Struct("=224xI")
"""As far as tcpi_rcv_ooopack, which they have since 5.4."""
_TOLD: Final = struct.Struct("=232xI")
"""As far as tcpi_rcv_wnd, which they have since 6.2."""
_INFO_SIZE: Final = 256
"""Bytes asked for; the kernel gives what it has."""
_TIMESTAMPS: Final = 1
"""In tcpi_options."""


class TcpInfo(NamedTuple):
    """What Linux tells of a connection: times in seconds, the rest in bytes or packets since its beginning.

    ``receive_rtt`` is of what comes in: of use where the connection has ``timestamps``. ``disordered`` counts packets
    that came before others sent earlier, ``heard`` all that came. ``told`` is the window that the other side was
    last told of.
    """

    closed: bool
    mss: int
    rtt: float
    least_rtt: float
    acked: int
    resent: int
    timestamps: bool
    received: int
    receive_mss: int
    receive_rtt: float
    disordered: int
    heard: int
    told: int | None


def read_info(data: bytes) -> TcpInfo:
    """Read what ``getsockopt(TCP_INFO)`` gave; ValueError where it is too short."""
    if len(data) < _TCP_INFO.size:
        raise ValueError("this kernel tells too little of a connection")
    fields = _TCP_INFO.unpack_from(data)
    return TcpInfo(
        closed=fields[0] == _CLOSED,
        mss=max(fields[10], 1),
        rtt=fields[23] / 1e6,
        least_rtt=fields[39] / 1e6,
        acked=fields[34],
        resent=fields[31],
        timestamps=bool(fields[5] & _TIMESTAMPS),
        received=fields[35],
        receive_mss=max(fields[11], 1),
        receive_rtt=fields[29] / 1e6,
        heard=fields[37],
        told=_TOLD.unpack_from(data)[0] if len(data) >= _TOLD.size else None,
        disordered=_DISORDERED.unpack_from(data)[0] if len(data) >= _DISORDERED.size else 0,
    )


def recent_rtt(before: TcpInfo, now: TcpInfo) -> float:
    """Return the mean round trip of what was acknowledged between two looks: undo the kernel's smoothing.

    It adds an eighth of each one, which takes long where few packets fly: after a slowdown the queue would seem to
    stand for many round trips more.
    """
    share = 1 - (1 - SMOOTHING) ** max(now.heard - before.heard, 1)
    return max(before.rtt + (now.rtt - before.rtt) / share, now.least_rtt)


def info_of(sock: socket.socket) -> TcpInfo:
    """Ask Linux about a connection."""
    return read_info(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE))


class Pace(Protocol):
    """Lets a sender go on when nobody else would notice. ``means`` says by what."""

    means: str

    async def room(self, most: int) -> int:
        """Wait until something may be sent, and return how many of ``most`` bytes."""
        ...


class Windowed:
    """Linux: bounds what the socket holds, unsent and unacknowledged, as ``controller`` says.

    A bound on the rate would not do: at low rates delayed acknowledgements swell the round trip that TCP_INFO gives.
    """

    means = "LEDBAT++ of doctl's own, by TCP_INFO"

    def __init__(self, sock: socket.socket, controller: Controller) -> None:
        self._socket = sock
        self._controller = controller
        self._loop = asyncio.get_running_loop()
        self._ioctl: Callable[[int, int, bytes], bytes] = importlib.import_module("fcntl").ioctl
        self._not_before = 0.0
        self._bounded = False
        self._before = info_of(self._socket)
        with contextlib.suppress(OSError):  # others send what they want, however little is in flight
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")

    async def room(self, most: int) -> int:
        """Wait until the window has room: for a quarter of it, or for the last of a transfer."""
        while True:
            now = self._loop.time()
            held = self._look(now)
            window = self._controller.window
            free = min(most, window - held)
            self._bounded = free < most
            if self._before.closed:
                return most  # sending will say why
            if now >= self._not_before and free >= min(most, self._least(window)):
                self._not_before = now + self._controller.rest(free)
                return free
            await asyncio.sleep(self._wait(now))

    def _least(self, window: int) -> int:
        """Bytes worth sending: two packets, since one alone is acknowledged late."""
        return max(window // 4, min(2 * self._before.mss, window))

    def _wait(self, now: float) -> float:
        return max(self._not_before - now, min(max(self._before.rtt / 2, SHORTEST_WAIT), LONGEST_WAIT))

    def _look(self, now: float) -> int:
        """Tell the controller what happened since the last look; return the bytes that the socket holds."""
        info, before = info_of(self._socket), self._before
        if info.closed or info.acked != before.acked or info.resent != before.resent:
            self._before = info
            self._controller.look(
                now,
                rtt=recent_rtt(before, info),
                least=info.least_rtt,
                mss=info.mss,
                acked=max(info.acked - before.acked, 0),
                lost=info.resent > before.resent,
                full=self._bounded,
            )
        answer: int = struct.unpack("i", self._ioctl(self._socket.fileno(), _SIOCOUTQ, bytes(4)))[0]
        return answer


class BySystem:
    """The system itself holds the connection back; nothing is to be done here."""

    def __init__(self, means: str) -> None:
        self.means = means

    async def room(self, most: int) -> int:
        """Let everything pass."""
        return most


class Bucket:
    """Neither measures nor is held back: a fixed rate."""

    means = f"a fixed {FALLBACK_RATE // 1000:,} KB/s, since this system offers nothing better"

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._free_at = 0.0

    async def room(self, most: int) -> int:
        """Wait for the next few bytes."""
        count = min(most, FALLBACK_BURST)
        now = self._loop.time()
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
        self._free_at = max(self._free_at, now) + count / FALLBACK_RATE
        return count


def pace(sock: socket.socket, controller: Controller, platform: str = sys.platform) -> Pace:
    """Make ``sock`` give way by what ``platform`` has; where that fails, by a fixed rate."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # the system is too old, or not quite the real one
        if (means := by_system(sock, platform)) is not None:
            return BySystem(means)
        if platform == "linux":
            return Windowed(sock, controller)
    return Bucket()


def stays_here(sock: socket.socket) -> bool:
    """Whether both ends of a connection are on this machine."""
    return bool(sock.getsockname()[0] == sock.getpeername()[0])


def by_system(sock: socket.socket, platform: str) -> str | None:
    """Return why nothing is to be done here: what the system was asked for, in words; None where it has nothing.

    What stays on this machine takes nothing from anybody.
    """
    if stays_here(sock):
        return "no need, the other side is on this machine"
    if platform == "win32":
        _hint_priority(sock)
        return "LEDBAT++ of Windows (SIO_PRIORITY_HINT)"
    if platform == "darwin":
        sock.setsockopt(socket.SOL_SOCKET, SO_TRAFFIC_CLASS, TRAFFIC_BACKGROUND_SYSTEM)
        return "the background class of macOS (SO_TRAFFIC_CLASS)"
    return None


def _hint_priority(sock: socket.socket) -> None:
    winsock: Any = ctypes.WinDLL("ws2_32")  # type: ignore[attr-defined,unused-ignore]  # only Windows has it
    hint, told = ctypes.c_int(PRIORITY_VERY_LOW), ctypes.c_ulong()
    winsock.WSAIoctl.argtypes = (
        ctypes.c_size_t, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong,
        ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
    )  # fmt: skip
    if winsock.WSAIoctl(
        sock.fileno(),
        SIO_PRIORITY_HINT,
        ctypes.byref(hint),
        ctypes.sizeof(hint),
        None,
        0,
        ctypes.byref(told),
        None,
        None,
    ):
        raise OSError("WSAIoctl refused SIO_PRIORITY_HINT")
