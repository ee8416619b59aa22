"""Asking a peer for no more than others leave room for: the rules, and a link in simulated time."""

import asyncio
from collections.abc import Callable

import pytest

from doctl.transfer.asking import BLOCK, PACKET, Eager, Sparing
from doctl.transfer.background import FLOOR, Ledbat
from doctl.wire import messages as m
from tests.transfer import virtual

PIECE = 1 << 20


class Fixed:
    """A controller with a window and a rest that a test sets, which notes what it was told."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.seconds = 0.0
        self.looks: list[tuple[float, float, int, bool]] = []

    def rest(self, count: int) -> float:
        return self.seconds

    def look(self, now: float, *, rtt: float, least: float, mss: int, acked: int, lost: bool, full: bool) -> None:
        self.looks.append((now, rtt, acked, full))


class Talk:
    """What was said to the peer, and the time."""

    def __init__(self) -> None:
        self.asked: list[m.Request] = []
        self.now = 0.0

    def say(self, message: m.Control) -> None:
        assert isinstance(message, m.Request)
        self.asked.append(message)

    def sparing(self, controller: Fixed) -> Sparing:
        return Sparing(self.say, controller, lambda: self.now)

    def answer(self, asking: Sparing, request: m.Request) -> None:
        asking.begins(request.index, request.offset)
        asking.came(m.Piece(request.index, request.offset, request.length))


def test_the_eager_ask_for_everything_at_once() -> None:
    """A piece is asked for as it is taken, in requests that fit into a message."""
    talk = Talk()
    Eager(talk.say).want(3, 2 * BLOCK + 5)
    assert talk.asked == [m.Request(3, 0, BLOCK), m.Request(3, BLOCK, BLOCK), m.Request(3, 2 * BLOCK, 5)]
    assert Eager(talk.say).leave(3, 2 * BLOCK + 5) == talk.asked


@pytest.mark.parametrize("window", [2 * PACKET, 10 * PACKET, 400 * PACKET, 8 << 20, 64 << 20])
@pytest.mark.parametrize("size", [1, 5000, PIECE, 3 * PIECE + 7])
def test_each_byte_is_asked_for_once_and_never_more_than_the_window(window: int, size: int) -> None:
    """However large the window and the pieces are, what is open stays within it and all of it comes in order."""
    talk, controller = Talk(), Fixed(window)
    asking, answered = talk.sparing(controller), 0
    for piece in range(3):
        asking.want(piece, size)
    while answered < len(talk.asked):
        assert sum(request.length for request in talk.asked[answered:]) <= window
        talk.answer(asking, talk.asked[answered])
        answered += 1
    assert [request.index for request in talk.asked if request.offset == 0] == [0, 1, 2]
    for before, after in zip(talk.asked[:-1], talk.asked[1:], strict=True):
        assert after == m.Request(before.index, before.offset + before.length, after.length) or after.offset == 0
    assert sum(request.length for request in talk.asked) == 3 * size
    assert max(request.length for request in talk.asked) <= BLOCK


def test_a_round_trip_is_from_the_request_to_the_first_bytes_of_its_answer() -> None:
    """How long the answer takes to come is not part of it; the window counts as used while there is more to ask for."""
    talk, controller = Talk(), Fixed(8 * PACKET)
    asking = talk.sparing(controller)
    asking.want(0, 10 * PACKET)
    first = talk.asked[0]
    assert [request.length for request in talk.asked] == [2 * PACKET] * 4
    talk.now = 0.02
    asking.begins(0, 0)
    talk.now = 0.05
    asking.came(m.Piece(0, 0, first.length))
    assert controller.looks == [(0.05, 0.02, 2 * PACKET, True)]
    for request in talk.asked[1:]:
        talk.answer(asking, request)
    assert [full for *_, full in controller.looks] == [True, False, False, False, False]


def test_what_is_left_is_asked_for_no_more_and_what_comes_of_it_counts_for_nothing() -> None:
    """A piece that is dropped gives its room to the next one; its late answers are passed over."""
    talk, controller = Talk(), Fixed(8 * PACKET)
    asking = talk.sparing(controller)
    asking.want(0, 20 * PACKET)
    asking.want(1, 20 * PACKET)
    assert asking.leave(0, 20 * PACKET) == talk.asked
    late, talk.asked[:] = talk.asked[0], []
    asking.want(2, PACKET)
    assert {request.index for request in talk.asked} == {1}
    talk.answer(asking, late)
    assert controller.looks == []


def test_what_was_asked_for_before_a_choke_takes_no_room_from_what_is_asked_for_after_it() -> None:
    """An answer of another length than is open at its place is passed over, and all is still asked for."""
    talk, controller = Talk(), Fixed(4 * PACKET)
    asking = talk.sparing(controller)
    asking.want(0, 40 * PACKET)
    before = talk.asked[0]
    asking.leave(0, 40 * PACKET)
    controller.window, talk.asked[:] = 16 * PACKET, []
    asking.want(0, 40 * PACKET)
    talk.answer(asking, before)
    assert controller.looks == []
    for request in talk.asked:  # which grows with each answer
        talk.answer(asking, request)
    assert sum(request.length for request in talk.asked) == 40 * PACKET


def test_after_a_rest_it_goes_on_by_itself() -> None:
    """Where the controller wants a pause nothing is asked for until it is over, even if answers come."""

    async def rest() -> None:
        loop, talk, controller = asyncio.get_running_loop(), Talk(), Fixed(2 * PACKET)
        controller.seconds = 0.5
        asking = talk.sparing(controller)
        asking.want(0, 6 * PACKET)
        talk.answer(asking, talk.asked[0])
        assert len(talk.asked) == 1
        begun = loop.time()
        await asyncio.sleep(0.51)
        assert len(talk.asked) == 2
        asking.close()
        talk.answer(asking, talk.asked[1])
        await asyncio.sleep(1)
        assert len(talk.asked) == 2
        assert loop.time() - begun == pytest.approx(1.51)

    virtual.run(rest())


# -- a link in simulated time


async def download(rate: float, base: float, others: Callable[[float], float], seconds: float) -> tuple[float, float]:
    """Ask over a link of ``rate`` bytes a second; return what came of it, and the median queue of our own.

    ``others`` is the seconds of queue that is there without us at a time, as by a flow that does not give way.
    """
    loop = asyncio.get_running_loop()
    busy_until, came, queues = loop.time(), 0, []

    def say(message: m.Control) -> None:
        nonlocal busy_until
        assert isinstance(message, m.Request)
        at = loop.time() + base / 2
        start = max(busy_until, at)
        queues.append(start - at)
        busy_until = start + message.length / rate
        loop.call_at(start + others(at) + base / 2, asking.begins, message.index, message.offset)
        loop.call_at(busy_until + others(at) + base / 2, arrive, message)

    def arrive(request: m.Request) -> None:
        nonlocal came
        came += request.length
        asking.came(m.Piece(request.index, request.offset, request.length))

    asking = Sparing(say, Ledbat(), loop.time)
    for piece in range(int(rate * seconds / PIECE) + 2):
        asking.want(piece, PIECE)
    await asyncio.sleep(seconds)
    return came / (rate * seconds), sorted(queues)[len(queues) // 2]


@pytest.mark.parametrize(("mbit", "base"), [(10, 0.001), (10, 0.04), (100, 0.001), (100, 0.02)])
def test_alone_it_uses_the_link_without_a_queue_worth_naming(mbit: float, base: float) -> None:
    """Nine tenths of an idle link come, and what waits in it is within the target."""
    share, queue = virtual.run(download(mbit * 125_000, base, lambda _now: 0.0, 20))
    assert share >= 0.9
    assert queue <= max(base / 2, 0.010) + 0.002


def test_beside_a_queue_of_others_it_asks_for_next_to_nothing() -> None:
    """While others keep 25 ms in the buffer it takes a quarter of a packet in a round trip."""
    share, _ = virtual.run(download(1_250_000, 0.001, lambda now: 0.025 if now > 1002 else 0.0, 60))
    floor = FLOOR * PACKET / 0.026 / 1_250_000
    assert share <= 2 / 60 + 2 * floor
