"""Limits on bandwidth: nothing without one, a short burst, then exactly the rate, in the order of asking."""

import asyncio

import pytest

from doctl.transfer.limits import BURST, SMALLEST, RateLimit
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
