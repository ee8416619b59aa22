"""Qualification in simulated time: what is sent when, and which NAT is concluded."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctl.endpoints import Address
from doctl.wire.qualification import NONCES_SIZE, Ask, Nat, Pace, Qualification, Result, Sending, second_of
from doctl.wire.teredo import CONE_SOURCE, PLAIN_SOURCE, Flaw
from tests.servers.teredo import Advertisement

SERVER, SECOND = Address("192.0.2.1", 3544), Address("192.0.2.2", 3544)
OUTSIDE, ELSEWHERE = ("203.0.113.9", 1000), ("203.0.113.9", 1001)
PACE = Pace(3, 4.0)

Reply = tuple[bytes, Address]
World = Callable[[Sending], Iterable[Reply]]
"""What comes back for a datagram, at once."""


def machine() -> Qualification:
    """Return a run that begins at second 100."""
    return Qualification(SERVER, SECOND, bytes(range(NONCES_SIZE)), 100.0, PACE)


def reply(sending: Sending, mapped: tuple[str, int] = OUTSIDE, **changes: object) -> bytes:
    """Return the right answer to a datagram, but for ``changes``."""
    fields = {"nonce": sending.data[4:12], "destination": sending.data[21:37], "server": SERVER.host} | changes
    return Advertisement(mapped=mapped, **fields).encode()  # type: ignore[arg-type]


def run(world: World) -> tuple[Result, list[tuple[float, Ask]], float]:
    """Run to the end; return the result, what was sent when, and the time of the end."""
    one, now, sent = machine(), 100.0, list[tuple[float, Ask]]()
    while (wake := one.wake(now)) is not None:
        now = max(now, wake)
        for sending in one.due(now):
            sent.append((now, sending.ask))
            for data, sender in world(sending):
                one.receive(data, sender, now + 0.05)
    return one.result, sent, now


def cone(sending: Sending) -> Iterable[Reply]:
    """Answer everything, with the cone bit from the other address."""
    yield reply(sending), SECOND if sending.ask in (Ask.CONE, Ask.SECOND) else SERVER


def restricted(sending: Sending) -> Iterable[Reply]:
    """Let nothing in but from where something was sent to."""
    if sending.ask is not Ask.CONE:
        yield reply(sending), sending.to


def symmetric(sending: Sending) -> Iterable[Reply]:
    """Take another port outside for each address."""
    if sending.ask is not Ask.CONE:
        yield reply(sending, OUTSIDE if sending.to == SERVER else ELSEWHERE), sending.to


def blocked(sending: Sending) -> Iterable[Reply]:
    """Let nothing in."""
    return ()


def only(address: Address) -> World:
    """Cut the server's other address off."""
    return lambda sending: [each for each in cone(sending) if each[1] == address and sending.to == address]


@pytest.mark.parametrize(
    ("world", "nat", "mapped", "mapped_second"),
    [
        (cone, Nat.CONE, OUTSIDE, None),
        (restricted, Nat.RESTRICTED, OUTSIDE, OUTSIDE),
        (symmetric, Nat.SYMMETRIC, OUTSIDE, ELSEWHERE),
        (blocked, Nat.BLOCKED, None, None),
        (only(SERVER), None, OUTSIDE, None),
        (only(SECOND), None, OUTSIDE, OUTSIDE),
    ],
)
def test_each_nat_is_concluded(
    world: World, nat: Nat | None, mapped: tuple[str, int] | None, mapped_second: tuple[str, int] | None
) -> None:
    """The kind of NAT and the address outside; with one of the server's addresses silent, no kind is concluded."""
    result, _, _ = run(world)
    seen = None if mapped_second is None else Address(*mapped_second)
    if nat is not Nat.CONE:  # where the first answer ends it, the rest is chance
        assert result.mapped_second == seen
    assert (result.nat, result.mapped) == (nat, None if mapped is None else Address(*mapped))


def test_blocked_takes_three_tries_of_four_seconds_of_all_questions_at_once() -> None:
    """Everything is asked at the beginning, and twice again at the interval; then the last try waits as long."""
    result, sent, end = run(blocked)
    assert sent == [(at, ask) for at in (100.0, 104.0, 108.0) for ask in Ask]
    assert end == 112.0
    assert machine().wake(100.0) == 100.0
    assert result.tries == dict.fromkeys(Ask, 3)
    assert result.seconds == {}


def test_the_last_try_waits_for_its_answer() -> None:
    """An answer that comes just before the end counts."""
    one = machine()
    for now in (100.0, 104.0, 108.0):
        sendings = {sending.ask: sending for sending in one.due(now)}
    assert one.wake(111.9) == 112.0
    one.receive(reply(sendings[Ask.SERVER]), SERVER, 111.9)
    one.receive(reply(sendings[Ask.SECOND]), SECOND, 111.9)
    assert one.result.nat is Nat.RESTRICTED
    assert one.result.seconds[Ask.SERVER] == pytest.approx(3.9)
    assert one.wake(112.0) is None


def test_what_is_answered_is_not_asked_again() -> None:
    """A question is put until it has its answer, and the one with the cone bit ends the whole."""
    result, sent, _ = run(restricted)
    assert [ask for _, ask in sent] == [*Ask, Ask.CONE, Ask.CONE]
    assert result.tries == {Ask.CONE: 3, Ask.SERVER: 1, Ask.SECOND: 1}
    assert run(cone)[1] == [(100.0, ask) for ask in Ask]


def test_an_answer_to_an_earlier_try_counts() -> None:
    """A question keeps its nonce, so that what is slow is not lost."""
    one = machine()
    first = {sending.ask: sending for sending in one.due(100.0)}
    again = {sending.ask: sending for sending in one.due(104.0)}
    assert again == first
    one.receive(reply(first[Ask.SERVER]), SERVER, 104.5)
    assert one.result.mapped == Address(*OUTSIDE)


FLAWS: list[tuple[Callable[[Sending], Reply], Flaw]] = [
    (lambda sending: (reply(sending, nonce=bytes(8)), sending.to), Flaw.NONCE),
    (lambda sending: (reply(sending, nonce=None), sending.to), Flaw.NONCE),
    (lambda sending: (reply(sending), Address("192.0.2.9", 3544)), Flaw.SENDER),
    (lambda sending: (reply(sending), Address(sending.to.host, 3545)), Flaw.SENDER),
    (lambda sending: (reply(sending), SERVER if sending.to == SECOND else SECOND), Flaw.SENDER),
    (lambda sending: (reply(sending, destination=bytes(16)), sending.to), Flaw.DESTINATION),
    (lambda sending: (reply(sending, server="192.0.2.9"), sending.to), Flaw.PREFIX),
    (lambda sending: (reply(sending, options=b""), sending.to), Flaw.PREFIX),
    (lambda sending: (reply(sending)[:-1], sending.to), Flaw.TRUNCATED),
    (lambda sending: (b"", sending.to), Flaw.TRUNCATED),
    (lambda sending: (sending.data, sending.to), Flaw.LOOPED),
    (lambda sending: (b"\0\0" + bytes(60), sending.to), Flaw.FOREIGN),
]


@pytest.mark.parametrize(("spoil", "flaw"), FLAWS)
def test_bad_answers_are_ignored_and_counted(spoil: Callable[[Sending], Reply], flaw: Flaw) -> None:
    """Alone they leave it blocked; before right answers they change nothing but their count."""

    def alone(sending: Sending) -> Iterable[Reply]:
        yield from [] if sending.ask is Ask.CONE else [spoil(sending)]

    def before(sending: Sending) -> Iterable[Reply]:
        yield from [*alone(sending), *restricted(sending)]

    assert (run(alone)[0].nat, run(alone)[0].ignored) == (Nat.BLOCKED, {flaw: 6})
    assert (run(before)[0].nat, run(before)[0].ignored) == (Nat.RESTRICTED, {flaw: 2})


def test_a_cone_answer_must_come_from_the_other_address() -> None:
    """An answer to the cone bit from the address that was asked proves no cone."""

    def liar(sending: Sending) -> Iterable[Reply]:
        yield reply(sending), sending.to

    result, _, _ = run(liar)
    assert (result.nat, result.ignored) == (Nat.RESTRICTED, {Flaw.SENDER: 3})


def test_answers_nobody_asked_for_yet_are_not_taken() -> None:
    """Before a question is sent its nonce is nobody's business."""
    one = machine()
    question = machine().due(100.0)[1]
    one.receive(reply(question), SERVER, 99.0)
    assert one.result.ignored == {Flaw.NONCE: 1}


@pytest.mark.parametrize(("server", "second"), [("192.0.2.1", "192.0.2.2"), ("10.0.0.255", "10.0.1.0")])
def test_the_second_address_is_the_next_one(server: str, second: str) -> None:
    """By convention, with the same port."""
    assert second_of(Address(server, 3544)) == Address(second, 3544)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 3),
            st.sampled_from([SERVER, SECOND, Address("192.0.2.9", 3544)]),
            st.integers(0, NONCES_SIZE - 8),
            st.sampled_from([CONE_SOURCE, PLAIN_SOURCE, bytes(16)]),
            st.sampled_from([OUTSIDE, ELSEWHERE]),
            st.sampled_from([SERVER.host, "192.0.2.9"]),
        ),
        max_size=30,
    )
)
def test_whatever_comes_it_ends_in_time_and_counts_everything(
    incoming: list[tuple[float, Address, int, bytes, tuple[str, int], str]],
) -> None:
    """No order of right and wrong answers makes it send more, last longer or lose count."""
    one, now, used = machine(), 100.0, 0
    for pause, sender, at, destination, mapped, server in incoming:
        one.due(now)
        nonce = bytes(range(NONCES_SIZE))[at : at + 8]
        one.receive(Advertisement(nonce, mapped, destination, server).encode(), sender, now)
        used, now = used + 1, now + pause
    while (wake := one.wake(now)) is not None:
        assert wake <= max(now, 100.0) + PACE.interval
        now = max(now, wake)
        one.due(now)
    result = one.result
    assert all(tries <= PACE.tries for tries in result.tries.values())
    assert sum(result.ignored.values()) <= used
    assert (result.nat is Nat.BLOCKED) == (result.mapped is None)
