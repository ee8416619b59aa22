"""Turns at the origin: machines that tell each other nothing ask for each piece once, and few at a time."""

import hashlib
import itertools
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doctl.transfer.turns import (
    DUE,
    EARLIEST,
    LATE,
    LATEST,
    LONGEST_RUN,
    MUCH,
    PARDONED,
    RUN_SHARE,
    SENIORS,
    SETTLED,
    USUAL,
    Turns,
    first_of,
)


def ids(count: int) -> list[bytes]:
    """Return so many peer ids."""
    return [hashlib.sha256(bytes([number])).digest()[:20] for number in range(count)]


def all_of(pieces: int) -> int:
    """Return the set of so many pieces."""
    return (1 << pieces) - 1


def machines(count: int, pieces: int) -> list[Turns]:
    """Make machines that met each other in this order."""
    made = [Turns(own, pieces) for own in ids(count)]
    for place, turns in enumerate(made):
        for other, peer_id in enumerate(ids(count)):
            if other != place:
                turns.meet(other, peer_id)
        if place > SENIORS:
            turns.defer()
    return made


def everything_that_is_due(turns: Turns, lacking: int, now: float) -> list[range]:
    """Let one machine take all that it may just now."""
    free, runs = lacking, []
    while run := turns.choose(lacking, free, now):
        runs.append(run)
        free &= ~sum(1 << piece for piece in run)
    return runs


@pytest.mark.parametrize(("count", "pieces"), [(2, 64), (8, 64), (32, 64), (8, 1000), (50, 10)])
def test_every_piece_is_asked_for_once(count: int, pieces: int) -> None:
    """Of machines that know the same, exactly one asks for each run, and no more than a few runs are on their way."""
    swarm, lacking, asked = machines(count, pieces), all_of(pieces), Counter[int]()
    now = 0.0
    while lacking:
        runs = [run for turns in swarm for run in everything_that_is_due(turns, lacking, now)]
        assert 1 <= len(runs) <= DUE
        asked.update(piece for run in runs for piece in run)
        lacking &= ~sum(1 << piece for run in runs for piece in run)
        now += 0.1
    assert asked == dict.fromkeys(range(pieces), 1)


def test_the_first_piece_comes_alone_and_then_more() -> None:
    """Nothing can be passed on before a piece is whole, so that the first has the origin's line for itself."""
    swarm, pieces = machines(8, 64), 64
    for done, due in ((0, 1), (1, 2), (2, DUE), (10, DUE)):
        lacking = all_of(pieces) ^ all_of(done)
        runs = [run for turns in swarm for run in everything_that_is_due(turns, lacking, 0.0)]
        assert sorted(piece for run in runs for piece in run) == list(range(done, done + due))


def test_a_large_file_comes_in_runs() -> None:
    """Requests are for one piece of a small file and for some adjacent ones of a large file."""
    for pieces, length in ((RUN_SHARE, 1), (5 * RUN_SHARE, 5), (100 * RUN_SHARE, LONGEST_RUN)):
        (turns,) = machines(1, pieces)
        assert turns.choose(all_of(pieces), all_of(pieces), 0.0) == range(length)


def test_of_a_run_only_what_is_wanted_is_asked_for() -> None:
    """What somebody has or we are fetching is left out, and a run is cut there."""
    (turns,) = machines(1, 8 * RUN_SHARE)
    lacking = all_of(8 * RUN_SHARE) & ~0b1
    assert turns.choose(lacking, lacking & ~0b1000, 0.0) == range(1, 3)
    assert turns.choose(lacking, lacking & ~0b1110, 0.0) == range(4, 8)


def test_who_does_not_deliver_is_replaced_after_a_while_by_more_and_more() -> None:
    """When a run is late one other may try, after as long again two more, then four."""
    swarm, lacking = machines(20, 64), all_of(64)
    patience = max(LATE * USUAL, EARLIEST)

    trying: set[int] = set()

    def have_tried(now: float) -> int:
        trying.update(place for place, turns in enumerate(swarm) if turns.choose(lacking, 0b1, now))
        return len(trying)

    assert have_tried(100.0) == 1
    assert have_tried(100.0 + patience - 0.01) == 1
    assert [have_tried(100.01 + times * patience) for times in range(1, 6)] == [2, 4, 8, 16, 20]


@pytest.mark.parametrize(
    ("seconds", "patience"),
    [(0.1, EARLIEST), (2.0, LATE * DUE * 2.0), (60.0, LATEST)],
    ids=["fast", "slow", "crawling"],
)
def test_patience_goes_by_how_long_it_usually_takes(seconds: float, patience: float) -> None:
    """Behind a slow origin nobody loses patience with what comes as fast as everything else, up to a limit."""
    (turns, _), pieces, now = machines(2, 120), 120, 0.0
    other = max(piece for piece in range(pieces) if not turns.choose(1 << piece, 1 << piece, now))
    turns, _ = machines(2, pieces)
    later = 1 << other | 1 << other - 1
    for done in range(other - DUE):
        turns.choose(all_of(pieces) ^ all_of(done), 0, now)
        now += seconds
    assert not turns.choose(later, 1 << other, now)
    assert not turns.choose(later, 1 << other, now + patience * 0.5)
    assert turns.choose(later, 1 << other, now + patience)


def test_nobody_loses_patience_when_more_begin_to_share_the_line() -> None:
    """The first run has the origin's line alone, the next ones share it: each takes as much longer, and is not late."""
    swarm, pieces, alone = machines(32, 64), 64, EARLIEST
    assert sum(bool(turns.choose(all_of(pieces), all_of(pieces), 0.0)) for turns in swarm) == 1
    lacking = all_of(pieces) ^ 0b1
    begun = {turns: run for turns in swarm if (run := turns.choose(lacking, lacking, alone))}
    assert sorted(run.start for run in begun.values()) == [1, 2]
    for share in (1.0, 1.5):
        now = alone * (1 + DUE * share)
        assert not any(turns.choose(lacking, lacking, now) for turns in swarm if turns not in begun)


def test_somebody_who_left_has_no_turn() -> None:
    """What was the turn of one who is gone is at once another's."""
    swarm = machines(5, 64)
    (owner,) = [place for place, turns in enumerate(swarm) if turns.choose(all_of(64), 0b1, 0.0)]
    for place, turns in enumerate(swarm):
        if place != owner:
            turns.part(owner)
    assert sum(bool(turns.choose(all_of(64), 0b1, 0.1)) for place, turns in enumerate(swarm) if place != owner) == 1


def test_who_is_late_time_after_time_has_no_more_turns() -> None:
    """A machine that never asks the origin costs a few waits; one that is late now and then keeps its turns."""
    for forgiving in (False, True):
        (turns, _), pieces, now, waits = machines(2, 64), 64, 0.0, 0
        lacking = all_of(pieces)
        while lacking:
            runs = everything_that_is_due(turns, lacking, now)
            lacking &= ~sum(1 << piece for run in runs for piece in run)
            if not runs:
                waits += 1
                slow = forgiving and waits % 2
                now += EARLIEST / 2 if slow else EARLIEST
                lacking &= lacking - 1 if slow else lacking
        assert waits > PARDONED + 1 if forgiving else waits == PARDONED + 1


def test_only_those_who_came_first_take_turns() -> None:
    """In a swarm of more than one can know, one asks for each run: later ones defer to those, whom they met first."""
    chance, count = random.Random(7), 500
    peer_ids = [chance.randbytes(20) for _ in range(count)]
    asking = []
    for place, own in enumerate(peer_ids):
        turns = Turns(own, 64)
        seniors = [other for other in range(SENIORS + 1) if other != place]
        for other in (*seniors[:SENIORS], *chance.sample(range(SENIORS + 1, count), 20)):
            if other != place:
                turns.meet(other, peer_ids[other])
        if place > SENIORS:
            turns.defer()
        asking += [run.start for run in everything_that_is_due(turns, all_of(64) ^ all_of(20), 0.0)]
    assert sorted(asking) == [*range(20, 20 + DUE)]


def test_later_ones_step_in_when_those_who_came_first_are_gone() -> None:
    """To who deferred a turn comes late, and after that as to everybody."""
    (turns,), lacking = machines(1, 64), all_of(64) ^ all_of(10)
    turns.defer()
    late = 4 * max(DUE * LATE * USUAL, EARLIEST)
    assert not turns.choose(lacking, lacking, 0.0)
    assert turns.choose(lacking, lacking, late) == range(10, 11)
    assert turns.choose(lacking, lacking ^ 1 << 10, late) == range(11, 12)
    turns.choose(lacking ^ 1 << 10, 0, late)
    assert turns.choose(lacking ^ 1 << 10, 1 << 12, late) == range(12, 13)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300), st.floats(0, 5)), max_size=40), st.integers(1, 300))
def test_whatever_happens_only_what_is_lacking_and_free_is_chosen(
    steps: list[tuple[int, int, float]], pieces: int
) -> None:
    """Machines come, go and bring pieces in any order; what is chosen is adjacent, lacking and free."""
    turns, lacking, free, now = Turns(b"own", pieces), all_of(pieces), all_of(pieces), 0.0
    for what, number, seconds in steps:
        now += seconds
        if what == 0:
            turns.meet(number, str(number).encode())
        elif what == 1:
            turns.part(number)
        elif what == 2:
            turns.defer()
        elif what == 3:
            lacking &= ~(1 << number % pieces)
        elif run := turns.choose(lacking, free & lacking, now):
            chosen = sum(1 << piece for piece in run)
            assert chosen & lacking & free == chosen
            free &= ~chosen


@pytest.mark.parametrize(
    ("pieces", "most", "start", "expected"),
    [
        (0b1, 8, 0, range(1)),
        (0b1110_0111, 8, 0, range(3)),
        (0b1110_0111, 2, 0, range(2)),
        (0b1110_0111, 8, 1, range(1, 3)),
        (0b1110_0111, 8, 3, range(5, 8)),
        (0b0110_0111, 8, 7, range(3)),
    ],
)
def test_the_first_adjacent_pieces(pieces: int, most: int, start: int, expected: range) -> None:
    """The first ones from a start, else from the beginning, up to a gap and to as many as asked for."""
    assert first_of(pieces, most, start) == expected


@pytest.mark.parametrize(
    ("from_peers", "from_origin", "age", "spared"),
    [
        (0, None, SETTLED - 1, True),
        (0, None, SETTLED, False),
        (0, 0, SETTLED, True),
        (0, 1, SETTLED - 1, True),
        (0, 1, SETTLED, False),
        (10, 10 * MUCH, SETTLED, True),
        (10, 10 * MUCH + 1, SETTLED, False),
    ],
)
def test_the_origin_is_spared_unless_it_is_much_faster(
    from_peers: float, from_origin: float | None, age: float, spared: bool
) -> None:
    """Peers are given time to begin; after that they are left alone only if the origin would be no great help."""
    assert machines(2, 64)[0].spares_origin(from_peers, from_origin, age) is spared


def test_a_crowd_does_not_try_the_origin_at_once() -> None:
    """Of a thousand that peers give too little, a few try at first, and then twice as many each time."""
    chance = random.Random(7)
    swarm = [Turns(chance.randbytes(20), 64) for _ in range(1000)]
    for turns in swarm:
        turns.defer()
    trying = [sum(not turns.spares_origin(0, None, SETTLED * step) for turns in swarm) for step in range(1, 11)]
    assert trying[0] <= 2 * DUE
    assert all(after <= 2 * max(before, DUE) * 1.5 for before, after in itertools.pairwise(trying))
    assert trying[-1] == len(swarm)
