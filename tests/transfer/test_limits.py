"""Limits on bandwidth: nothing without one, a short burst, then exactly the rate, in the order of asking."""

import asyncio

import pytest

from doctl.transfer.desk import Kind
from doctl.transfer.limits import BURST, SMALLEST, Intake, RateLimit
from doctl.transfer.link_speed import AGAIN, LOOK, WARM_UP
from tests.transfer import virtual


async def seconds(limit: RateLimit, takes: list[int]) -> float:
    """Return how long taking so many bytes one after another takes."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for count in takes:
        await limit.take(count)
    return loop.time() - start


@pytest.mark.parametrize(
    ("rate", "takes", "expected"),
    [
        (None, [1 << 40] * 3, 0.0),
        (1000, [], 0.0),
        (1000, [250], 0.0),
        (1000, [1000], 1.0 - BURST),
        (1000, [100] * 50, 5.0 - BURST),
        (10_000_000, [1 << 20] * 100, 100 * 1.048576 / 10 - BURST),
        (1, [60], 60 - BURST),
    ],
)
def test_bytes_pass_at_the_rate(rate: int | None, takes: list[int], expected: float) -> None:
    """After a burst of a quarter of a second the rate holds to the byte, however the bytes are portioned."""
    assert virtual.run(seconds(RateLimit(rate), takes)) == pytest.approx(expected)


def test_silence_saves_up_no_more_than_a_burst() -> None:
    """A pause of an hour does not allow an hour's bytes at once."""

    async def after_a_pause() -> float:
        limit = RateLimit(1000)
        await limit.take(5000)
        await asyncio.sleep(3600)
        return await seconds(limit, [1000])

    assert virtual.run(after_a_pause()) == pytest.approx(1.0 - BURST)


def test_takers_are_served_in_the_order_they_come() -> None:
    """One limit for many connections: together they have the rate, and none is overtaken."""

    async def many() -> tuple[list[int], float]:
        limit, order = RateLimit(1000), list[int]()
        start = asyncio.get_running_loop().time()

        async def take(number: int) -> None:
            await limit.take(500)
            order.append(number)

        await asyncio.gather(*(take(number) for number in range(8)))
        return order, asyncio.get_running_loop().time() - start

    order, took = virtual.run(many())
    assert order == list(range(8))
    assert took == pytest.approx(4.0 - BURST)


def test_the_rate_may_change_on_the_way() -> None:
    """A new rate counts from the next bytes on; None takes the limit away."""

    async def changing() -> list[float]:
        limit, took = RateLimit(1000), list[float]()
        for rate in (1000, 4000, None):
            limit.rate = rate
            took.append(await seconds(limit, [1000]))
        return took

    assert virtual.run(changing()) == [pytest.approx(1.0 - BURST), pytest.approx(0.25), 0.0]


@pytest.mark.parametrize(("rate", "ends"), [(None, 5.0), (10_000, 5.0 + 95_250 / 10_000), (500, 5.0 + 95_250 / 500)])
def test_a_new_rate_holds_for_those_who_wait_already(rate: int | None, ends: float) -> None:
    """Who waits a hundred seconds for his turn does so no longer once the limit is gone, and longer if it is lower."""

    async def waiting() -> float:
        limit, loop = RateLimit(1000), asyncio.get_running_loop()
        start = loop.time()
        taking = asyncio.create_task(limit.take(100_500))
        await asyncio.sleep(5)
        limit.rate = rate
        await taking
        return loop.time() - start

    assert virtual.run(waiting()) == pytest.approx(ends)


@pytest.mark.parametrize(
    ("rate", "most", "expected"),
    [
        (None, 1 << 20, 1 << 20),
        (100_000_000, 1 << 20, 1 << 20),
        (1_000_000, 1 << 20, 250_000),
        (1_000, 1 << 20, SMALLEST),
        (1_000, 100, 100),
        (1_000, 0, 0),
    ],
)
def test_what_is_sent_at_once_fits_the_rate(rate: int | None, most: int, expected: int) -> None:
    """A portion is at most a burst, but not so small that it is not worth sending."""
    assert RateLimit(rate).share(most) == expected


class Link:
    """A link of so many bytes a second, from which bytes are taken in as they come from a socket."""

    def __init__(self, speed: int, intake: Intake) -> None:
        self.speed = speed
        self.intake = intake

    async def carry(self, seconds: float, kind: Kind = Kind.HTTP) -> float:
        """Bring bytes for so long; return how many came in a second."""
        loop, chunk, came = asyncio.get_running_loop(), 20_000, 0
        start = loop.time()
        while loop.time() < start + seconds:
            await asyncio.sleep(chunk / self.speed)
            await self.intake.take(kind, chunk)
            came += chunk
        return came / (loop.time() - start)


@pytest.mark.parametrize("kind", [*Kind])
@pytest.mark.parametrize(
    ("option", "most", "percent", "far", "lan"),
    [
        (None, None, None, 1_000_000, 1_000_000),
        (None, 300_000, None, 300_000, 300_000),
        (200_000, 300_000, None, 200_000, 200_000),
        (200_000, None, None, 200_000, 200_000),
        (None, None, 20, 200_000, 1_000_000),
        (None, 500_000, 20, 200_000, 500_000),
        (None, 100_000, 20, 100_000, 100_000),
    ],
)
def test_what_may_come_in(
    kind: Kind, option: int | None, most: int | None, percent: int | None, far: int, lan: int
) -> None:
    """KB/s hold for everybody; a percentage of what the link was found to carry holds for all but LAN peers."""

    async def settled() -> float:
        link = Link(1_000_000, Intake(option))
        link.intake.allow(None, percent)
        await link.carry(3, kind)
        link.intake.allow(most, percent)
        await link.carry(3, kind)
        return await link.carry(20, kind)

    assert virtual.run(settled()) == pytest.approx(lan if kind is Kind.LAN else far, rel=0.03)


def test_the_link_is_measured_now_and_then() -> None:
    """A link that became faster or slower is noticed after minutes, a new one at once; it costs hardly any bytes."""

    async def changing() -> None:
        link = Link(1_000_000, Intake())
        link.intake.allow(None, 20)
        assert await link.carry(WARM_UP + LOOK) == pytest.approx(1_000_000, rel=0.06)
        assert await link.carry(AGAIN - 5) == pytest.approx(200_000, rel=0.06)
        for speed in (3_000_000, 500_000):
            link.speed = speed
            await link.carry(30)
            assert await link.carry(AGAIN - 40) == pytest.approx(speed / 5, rel=0.06)
        link.speed = 2_000_000
        link.intake.forget_speed()
        await link.carry(2)
        assert await link.carry(20) == pytest.approx(400_000, rel=0.06)
        assert await link.carry(2 * AGAIN) == pytest.approx(400_000, rel=0.06)

    virtual.run(changing())


def test_silence_is_no_slow_link() -> None:
    """Bytes that hardly anybody asked for say nothing of the link; hours that end set free at once."""

    async def idle() -> None:
        link = Link(1_000_000, Intake())
        link.intake.allow(None, 10)
        for _ in range(20):
            await link.carry(0.05)
            await asyncio.sleep(1)
        assert await link.carry(WARM_UP + LOOK) == pytest.approx(1_000_000, rel=0.03)
        assert await link.carry(10) == pytest.approx(100_000, rel=0.03)
        link.intake.allow(None, None)
        assert await link.carry(10) == pytest.approx(1_000_000, rel=0.03)

    virtual.run(idle())
