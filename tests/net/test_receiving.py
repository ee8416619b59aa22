"""Receivers that give way: what each system is asked for, what the window is bound to, and a real bottleneck."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from doctl.net.background import FALLBACK_BURST, FALLBACK_RATE, TcpInfo
from doctl.net.receiving import (
    SMALL_BUFFER,
    TCP_WINDOW_CLAMP,
    BySystem,
    Clamped,
    Counted,
    Dripping,
    Stamped,
    receiving,
)
from doctl.transfer.background import Ledbat
from tests.transfer import virtual

linux = pytest.mark.skipif(sys.platform != "linux", reason="the window as Linux lets it be set")


class Fixed:
    """A controller with a window and a rest that a test sets, which notes what it was told."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.seconds = 0.0
        self.trips: list[tuple[float, int]] = []

    def rest(self, count: int) -> float:
        return self.seconds

    def look(self, now: float, *, rtt: float, least: float, mss: int, acked: int, lost: bool, full: bool) -> None:
        self.trips.append((rtt, acked))


@contextlib.contextmanager
def connected(host: str = "127.0.0.2") -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield a receiver and a sender whose addresses are ``127.0.0.1`` and ``host``; neither blocks."""
    with socket.create_server((host, 0)) as server, socket.socket() as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.connect(server.getsockname())
        sender, _ = server.accept()
        with sender:
            receiver.setblocking(False)
            sender.setblocking(False)
            yield receiver, sender


@pytest.mark.parametrize("platform", ["sunos5", "win32"])
def test_where_the_system_offers_nothing_a_fixed_rate_is_kept(platform: str) -> None:
    """A system without means, or one that refuses them, reads at a fixed rate and says so."""

    async def read() -> float:
        loop = asyncio.get_running_loop()
        with connected() as (receiver, _):
            chosen = receiving(receiver, Ledbat(), platform)
        assert isinstance(chosen, Dripping)
        assert "fixed 1,000 KB/s" in chosen.means
        start = loop.time()
        await chosen.came(FALLBACK_RATE)
        return loop.time() - start

    assert virtual.run(read()) == pytest.approx(1, abs=2 * FALLBACK_BURST / FALLBACK_RATE)


def test_a_socket_that_is_no_tcp_connection_falls_back_too() -> None:
    """Where nothing can be asked about it there is a fixed rate and no error."""

    async def choose() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            return receiving(sock, Ledbat(), "linux").means

    assert "fixed" in asyncio.run(choose())


def test_what_comes_from_this_machine_is_not_held_back() -> None:
    """On loopback there is nobody to give way to."""

    async def choose() -> BySystem:
        with connected("127.0.0.1") as (receiver, _):
            chosen = receiving(receiver, Ledbat())
        assert isinstance(chosen, BySystem)
        await chosen.came(1 << 40)
        return chosen

    assert asyncio.run(choose()).means == "no need, the other side is on this machine"


# -- the window


async def swallow(receiver: socket.socket, held: Clamped, total: int) -> AsyncIterator[None]:
    """Read ``total`` bytes as they come; yield after each read, when ``held`` has heard of it."""
    loop, buffer, came = asyncio.get_running_loop(), memoryview(bytearray(1 << 16)), 0
    while came < total:
        count = await loop.sock_recv_into(receiver, buffer)
        assert count
        came += count
        await held.came(count)
        yield


@linux
def test_the_window_is_what_the_controller_says() -> None:
    """The kernel hears of the window at once and after each look, and every byte that came is counted once."""

    async def read() -> None:
        with connected() as (receiver, sender):
            controller = Fixed(500_000)
            held = receiving(receiver, controller)
            assert isinstance(held, Clamped)
            assert held.means == "LEDBAT++ of doctl's own, by the receive window"
            assert receiver.getsockopt(socket.IPPROTO_TCP, TCP_WINDOW_CLAMP) == 500_000
            controller.window = 400_000
            sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(sender, bytes(16 << 20)))
            async for _ in swallow(receiver, held, 16 << 20):
                pass
            await sending
            assert receiver.getsockopt(socket.IPPROTO_TCP, TCP_WINDOW_CLAMP) == 400_000
            assert 1 << 20 < sum(acked for _, acked in controller.trips) <= 16 << 20
            assert all(0 <= rtt < 5 for rtt, _ in controller.trips)

    asyncio.run(read())


@linux
def test_a_rest_shuts_the_buffer_and_what_was_on_its_way_still_comes() -> None:
    """Where less than two packets may fly it reads nothing for a while, with a small buffer; afterwards all goes on."""

    async def read() -> None:
        loop = asyncio.get_running_loop()
        with connected() as (receiver, sender):
            controller, sizes, longest = Fixed(1 << 19), set(), 0.0
            held = Clamped(receiver, controller)
            sending = asyncio.create_task(loop.sock_sendall(sender, bytes(16 << 20)))
            begun = loop.time()
            async for _ in swallow(receiver, held, 16 << 20):
                longest, begun = max(longest, loop.time() - begun), loop.time()
                sizes.add(receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
                controller.seconds = 0.2 if 2 * SMALL_BUFFER not in sizes else 0.0
            await sending
            assert longest >= 0.2
            assert 2 * SMALL_BUFFER in sizes
            assert receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > 2 * SMALL_BUFFER

    asyncio.run(read())


@linux
def test_a_connection_that_is_gone_meanwhile_is_no_error_here() -> None:
    """Who reads on hears of it; giving way does not."""

    async def close() -> None:
        with connected() as (receiver, _):
            held = Clamped(receiver, Fixed(10_000))
        await held.came(1000)

    asyncio.run(close())


# -- round trips

NOTHING = TcpInfo(
    closed=False,
    mss=1448,
    rtt=0.0,
    least_rtt=0.0,
    acked=0,
    resent=0,
    timestamps=False,
    received=0,
    receive_mss=1448,
    receive_rtt=0.0,
    disordered=0,
    heard=0,
    told=10_000,
)


def test_with_timestamps_a_round_trip_is_the_kernels_own() -> None:
    """It is looked at four times in each, if anything came."""
    meter, info = Stamped(), NOTHING._replace(receive_rtt=0.04, received=5)
    meter.start(info, 0.0)
    assert meter.round_trip(info, 1.0) is None
    assert meter.round_trip(info._replace(received=6), 0.009) is None
    assert meter.round_trip(info._replace(received=6), 0.01) == 0.04


def test_without_timestamps_a_few_windows_tell_the_round_trip() -> None:
    """What was allowed before is waited for; then eight windows of 10,000 bytes in 0.4 s are round trips of 50 ms."""
    meter = Counted()
    meter.start(NOTHING._replace(told=30_000), 0.0)
    steps = ((29_999, 0.1), (30_500, 0.2), (110_499, 0.6))
    assert [meter.round_trip(NOTHING._replace(received=count), when) for count, when in steps] == [None] * 3
    assert meter.round_trip(NOTHING._replace(received=110_500), 0.6) == pytest.approx(0.05)


def test_a_window_that_was_larger_for_a_while_makes_no_round_trip_too_short() -> None:
    """The largest window that the other side was told of counts: the least round trip is remembered for long."""
    meter = Counted()
    meter.start(NOTHING, 0.0)
    for count, told in ((10_000, 10_000), (40_000, 20_000), (169_999, 10_000)):
        assert meter.round_trip(NOTHING._replace(received=count, told=told), count / 1e6) is None
    assert meter.round_trip(NOTHING._replace(received=170_000), 0.41) == pytest.approx(0.4 * 20 / 160)
