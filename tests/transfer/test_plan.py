"""The plan: every piece in exactly one state, whatever sources do; who gets which piece; and all of them in the end."""

from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from doctl.transfer.plan import PATIENCE, RUN_SHARE, SLACK, STALLED, Plan, State

PEERS = ["peer 1", "peer 2", "peer 3", "peer 4"]
SERVERS = ["http", "cache"]


def bits(pieces: Iterable[int]) -> int:
    """Return a set of pieces as the plan has it."""
    return sum(1 << piece for piece in set(pieces))


class PlanMachine(RuleBasedStateMachine):
    """The plan beside a naive model of it: a state for each piece, a list of owners, sets of what peers have."""

    @initialize(pieces=st.integers(1, 40), done=st.integers(0), start=st.integers(0, 50))
    def begin(self, pieces: int, done: int, start: int) -> None:
        """Plan for a file, some of which may be there."""
        self.plan = Plan(pieces, done, start, own=b"this machine")
        self.start = start % pieces
        self.pieces = range(pieces)
        self.states = {i: State.DONE if done >> i & 1 else State.WANTED for i in self.pieces}
        self.owners: dict[int, list[str]] = {i: [] for i in self.pieces}
        self.has: dict[str, set[int]] = {}
        self.met: set[str] = set()
        self.again: set[int] = set()
        self.cursors: dict[str, int] = {}
        self.now = 0.0

    # -- sources come, learn and go

    @rule(peer=st.sampled_from(PEERS))
    def add_peer(self, peer: str) -> None:
        """A peer comes; nobody knows yet what it has."""
        if peer not in self.has:
            self.plan.add_peer(peer)
            self.has[peer] = set()

    @rule(server=st.sampled_from(SERVERS))
    def add_server(self, server: str) -> None:
        """A source comes that has everything."""
        if server not in self.has:
            self.plan.add_everything(server)
            self.has[server] = set(self.pieces)
            self.cursors[server] = self.start

    @rule(peer=st.sampled_from(PEERS), pieces=st.integers(0, 1 << 45))
    def learn(self, peer: str, pieces: int) -> None:
        """A peer says that it has some pieces, some of them perhaps not for the first time."""
        if peer in self.has:
            self.plan.has(peer, pieces)
            self.has[peer] |= {i for i in self.pieces if pieces >> i & 1}

    @rule(peer=st.sampled_from(PEERS))
    def meet(self, peer: str) -> None:
        """A peer says who it is."""
        if peer in self.has:
            self.plan.meet(peer, peer.encode())
            self.met.add(peer)

    def _amid_others(self) -> bool:
        """Whether some peer lacks pieces, and so asks the origin for them as well."""
        return any(self.has[peer] != set(self.pieces) for peer in self.met)

    @precondition(lambda self: self.has)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A source fails or is taken away; what it had taken is wanted again."""
        source = data.draw(st.sampled_from(sorted(self.has)))
        self.plan.remove(source)
        del self.has[source]
        self.met.discard(source)
        self.cursors.pop(source, None)
        self._give_up(source, self.pieces)

    # -- pieces are taken

    def _may_take_over(self, source: str, piece: int) -> bool:
        others = self.owners[piece]
        return self.states[piece] is State.TAKEN and len(others) == 1 and source not in others

    def _took(self, source: str, taken: list[int], expected: list[int]) -> None:
        """Compare with what the model says; where nothing is wanted, one piece may have been taken over."""
        self.again = set(taken) if not expected else set()
        if self.again:
            assert len(taken) == 1
            assert taken[0] in self.has[source]
            assert self._may_take_over(source, taken[0])
        else:
            assert taken == expected
        for piece in taken:
            self.states[piece] = State.TAKEN
            self.owners[piece].append(source)

    def _wanted(self) -> set[int]:
        return {i for i in self.pieces if self.states[i] is State.WANTED}

    def _rarest(self, choice: set[int]) -> set[int]:
        fewest = min((self._holders(i) for i in choice), default=0)
        return {i for i in choice if self._holders(i) == fewest}

    def _holders(self, piece: int) -> int:
        return sum(piece in has for source, has in self.has.items() if source in PEERS)

    @rule(peer=st.sampled_from(PEERS), most=st.integers(1, 6))
    def take(self, peer: str, most: int) -> None:
        """A peer gets the rarest pieces it has, from the start on and around."""
        if peer in self.has:
            choice = self._wanted() & self.has[peer]
            start = self.start if self._amid_others() else 0
            ranked = sorted(choice, key=lambda i: (self._holders(i), (i - start) % len(self.pieces)))
            self._took(peer, self.plan.take(peer, most, self.now), ranked[:most])

    @rule(server=st.sampled_from(SERVERS), most=st.integers(1, 6), sparing=st.booleans())
    def take_run(self, server: str, most: int, sparing: bool) -> None:
        """A server gets a run, first of pieces that no peer has, in turns with who lacks them; else of rare ones."""
        if server not in self.has:
            return
        lacking = {i for i in self._wanted() if not self._holders(i)}
        taken = list(self.plan.take_run(server, most, self.now, sparing=sparing))
        if self._amid_others() and set(taken) & lacking:
            assert set(taken) <= lacking
            assert taken == list(range(taken[0], taken[-1] + 1))
            self._took(server, taken, taken)
        elif self._amid_others() or not lacking:
            seen = self._wanted() - lacking
            self._took(server, taken, [] if sparing else self._run(server, most, self._rarest(seen)))
            assert not (sparing and taken)
        else:
            self._took(server, taken, self._run(server, most, lacking))
        if taken and not (set(taken) & self.again):
            self.cursors[server] = (taken[-1] + 1) % len(self.pieces)

    def _run(self, server: str, most: int, choice: set[int]) -> list[int]:
        """Return the first run of ``choice`` from where the last one ended."""
        if not choice:
            return []
        most = min(most, max(1, len(self._wanted()) // RUN_SHARE))
        cursor = self.cursors[server]
        run = [min((i for i in choice if i >= cursor), default=min(choice))]
        while len(run) < most and run[-1] + 1 in choice:
            run.append(run[-1] + 1)
        return run

    @rule(server=st.sampled_from(SERVERS))
    def take_rest(self, server: str) -> None:
        """A server that gives everything in one stream gets all that is wanted."""
        if server in self.has:
            self._took(server, self.plan.take_rest(server, self.now), sorted(self._wanted()))

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 5.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    # -- pieces come, or do not

    def _give_up(self, source: str, pieces: Iterable[int]) -> None:
        for piece in pieces:
            if source in self.owners[piece]:
                self.owners[piece].remove(source)
                if not self.owners[piece] and self.states[piece] is State.TAKEN:
                    self.states[piece] = State.WANTED

    @precondition(lambda self: self.has)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """A source gives back some pieces, whether it had them or not."""
        source = data.draw(st.sampled_from(sorted(self.has)))
        pieces = data.draw(st.sets(st.sampled_from(self.pieces)))
        self.plan.give_back(source, pieces)
        self._give_up(source, pieces)

    @precondition(lambda self: any(self.owners.values()))
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """A source brings a piece that it had taken; it counts unless somebody else was first."""
        source, piece = data.draw(st.sampled_from([(s, i) for i, owners in self.owners.items() for s in owners]))
        self._bring(source, piece)

    @rule(source=st.sampled_from(PEERS), piece=st.integers(0, 39))
    def deliver_late(self, source: str, piece: int) -> None:
        """A source that has been given up, or that gave the piece back, brings it all the same."""
        if piece in self.pieces:
            self._bring(source, piece)

    def _bring(self, source: str, piece: int) -> None:
        late = self.states[piece] in (State.CHECKING, State.DONE)
        assert self.plan.delivered(source, piece, self.now) is not late
        self._give_up(source, [piece])
        if not late:
            self.states[piece] = State.CHECKING

    def _in_check(self) -> list[int]:
        return [i for i in self.pieces if self.states[i] is State.CHECKING]

    @precondition(lambda self: self._in_check())
    @rule(data=st.data(), good=st.booleans())
    def judge(self, data: st.DataObject, good: bool) -> None:
        """A piece turns out right and is done, or wrong and has to come again."""
        piece = data.draw(st.sampled_from(self._in_check()))
        if good:
            self.plan.finish(piece)
            self.states[piece], self.owners[piece] = State.DONE, []
        else:
            self.plan.fail(piece)
            self.states[piece] = State.TAKEN if self.owners[piece] else State.WANTED

    # -- what holds at every moment

    @invariant()
    def every_piece_is_in_exactly_one_state(self) -> None:
        """The four sets are disjoint, are all pieces together, and are what the model says."""
        plan = self.plan
        sets = {
            State.WANTED: plan.wanted, State.TAKEN: plan.taken, State.CHECKING: plan.checking, State.DONE: plan.done,
        }  # fmt: skip
        assert sum(each.bit_count() for each in sets.values()) == plan.pieces
        for state, pieces in sets.items():
            assert pieces == bits(i for i in self.pieces if self.states[i] is state)
        assert all(plan.state_of(i) is self.states[i] for i in self.pieces)

    @invariant()
    def owners_are_known(self) -> None:
        """A piece is taken exactly when somebody is fetching it, and the plan knows who."""
        for piece, owners in self.owners.items():
            assert list(self.plan.owners_of(piece)) == owners
            assert (self.states[piece] is State.TAKEN) <= bool(owners)
            assert not (owners and self.states[piece] in (State.WANTED, State.DONE))

    @invariant()
    def use_is_known(self) -> None:
        """A source is of use as long as it has anything that is not done."""
        undone = {i for i in self.pieces if self.states[i] is not State.DONE}
        for source, has in self.has.items():
            assert self.plan.useful(source) == bool(has & undone)
            if self._wanted():
                assert self.plan.offers(source, self.now) == bool(has & self._wanted())
        rare = {i for i in undone if not self._holders(i)}
        assert self.plan.lacking == bits(rare)
        assert bool(self.plan.turns) == self._amid_others()

    def teardown(self) -> None:
        """From every state one source that has everything brings the rest, and the plan is complete."""
        if not hasattr(self, "plan"):
            return
        for source in list(self.has):
            self.plan.remove(source)
        self.plan.add_everything("last")
        for piece in self._in_check():
            self.plan.finish(piece)
        while run := self.plan.take_run("last", 5, self.now):
            for piece in run:
                assert self.plan.delivered("last", piece, self.now)
                self.plan.finish(piece)
        assert self.plan.complete
        assert not self.plan.useful("last")


PlanMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPlan = PlanMachine.TestCase


# -- who gets which piece


def test_no_pieces_are_complete() -> None:
    """An empty file is complete at once; a source finds nothing to do."""
    plan = Plan(0, start=3)
    plan.add_everything("http")
    assert plan.complete
    assert not plan.useful("http")
    assert not plan.take_run("http", 8, 0.0)


def test_the_rarest_piece_comes_first() -> None:
    """Of the pieces that a peer has, it is asked first for those that the fewest others have."""
    plan = Plan(6)
    for peer, has in {"a": [0, 1, 2, 3, 4, 5], "b": [0, 1, 2, 4], "c": [0, 2]}.items():
        plan.add_peer(peer)
        plan.has(peer, bits(has))
    assert plan.take("a", 6, 0.0) == [3, 5, 1, 4, 0, 2]


def test_a_peer_that_left_makes_its_pieces_rarer() -> None:
    """How rare a piece is, is counted among the peers that are there."""
    plan = Plan(3)
    for peer, has in {"a": [0, 1, 2], "b": [1, 2], "c": [1]}.items():
        plan.add_peer(peer)
        plan.has(peer, bits(has))
    plan.remove("c")
    plan.has("b", bits([0]))
    plan.remove("b")
    plan.add_peer("b")
    plan.has("b", bits([0]))
    assert plan.take("a", 3, 0.0) == [1, 2, 0]


def test_two_machines_start_in_different_places() -> None:
    """Among others that fetch, the choice among equally rare pieces goes from a start of one's own, and around."""
    plan = Plan(5, start=8)
    plan.add_peer("a")
    plan.has("a", plan.all)
    plan.add_peer("b")
    plan.meet("b", b"b")
    plan.meet("a", b"a")
    assert plan.take("a", 9, 0.0) == [3, 4, 0, 1, 2]


def test_from_those_who_have_everything_it_comes_in_order() -> None:
    """Where nobody else fetches, the file begins at its beginning, whatever the start."""
    plan = Plan(5, start=8)
    plan.add_peer("a")
    plan.meet("a", b"a")
    plan.has("a", plan.all)
    assert plan.take("a", 9, 0.0) == [0, 1, 2, 3, 4]


def test_http_gets_runs_one_after_another() -> None:
    """Ranges are adjacent and go on where the last one ended, around the end and over what is there already."""
    plan = Plan(200, done=bits([150, 151]), start=140)
    plan.add_everything("http")
    runs = [plan.take_run("http", 8, 0.0) for _ in range(10)]
    assert runs[:4] == [range(140, 148), range(148, 150), range(152, 160), range(160, 168)]
    assert runs[7:] == [range(192, 200), range(8), range(8, 16)]


def test_runs_become_short_towards_the_end() -> None:
    """A run is a small share of what is wanted, so that the end is not one source's to bring; never less than one."""
    plan = Plan(4 * RUN_SHARE)
    plan.add_everything("http")
    lengths = []
    while run := plan.take_run("http", 100, 0.0):
        lengths.append(len(run))
    assert lengths[0] == 4
    assert lengths[-1] == 1
    assert lengths == sorted(lengths, reverse=True)


def test_http_leaves_to_peers_what_they_have() -> None:
    """First come the pieces that no peer has; sparing, nothing else; else the rest as well."""
    plan = Plan(6)
    plan.add_everything("http")
    plan.add_peer("a")
    plan.has("a", bits([0, 1, 3, 5]))
    taken = [list(plan.take_run("http", 1, 0.0, sparing=True)) for _ in range(3)]
    assert taken == [[2], [4], []]
    assert list(plan.take_run("http", 1, 0.0)) == [5]
    assert list(plan.take_run("http", 1, 0.0)) == [0]


# -- taking over


def racing(pieces: int, *sources: str) -> Plan:
    """Plan with peers that have everything."""
    plan = Plan(pieces)
    for source in sources:
        plan.add_peer(source)
        plan.has(source, plan.all)
    return plan


def paced(plan: Plan, source: str, pace: float, count: int) -> None:
    """Let ``source`` bring one piece in ``pace`` seconds from 0 on, then take ``count`` more at ``pace``."""
    (first,) = plan.take(source, 1, 0.0)
    assert plan.delivered(source, first, pace)
    plan.finish(first)
    assert len(plan.take(source, count, pace)) == count


def test_a_source_of_unknown_pace_takes_over_only_what_has_stalled() -> None:
    """Nobody knows how fast the newcomer is: it waits until the other has brought nothing for a while."""
    plan = racing(3, "silent", "new")
    assert plan.take("silent", 3, 10.0) == [0, 1, 2]
    assert plan.take("new", 1, 10.0 + STALLED) == []
    assert plan.take("new", 1, 10.1 + STALLED) == [2]
    assert plan.owners_of(2) == ("silent", "new")
    assert plan.take("new", 1, 10.1 + STALLED) == [1]
    assert plan.take("new", 1, 10.1 + STALLED) == [0]
    assert plan.take("new", 1, 99.0) == []


def test_a_slow_source_loses_first_what_would_come_last() -> None:
    """A much faster one takes over from the end of the queue, as far as that is a gain, and no further."""
    plan = racing(10, "slow", "fast")
    paced(plan, "slow", 1.0, 8)
    (only,) = plan.take("fast", 1, 1.0)
    assert plan.delivered("fast", only, 1.1)
    plan.finish(only)
    assert [plan.take("fast", 1, 1.2) for _ in range(3)] == [[8], [7], [6]]
    plan = racing(4, "slow", "fast")
    paced(plan, "slow", 0.2, 1)
    paced(plan, "fast", 0.1, 1)
    assert plan.take("fast", 1, 0.2) == []


def test_a_source_that_has_gone_quiet_is_as_slow_as_it_is_quiet() -> None:
    """However fast it was, its last piece is taken over once it is late by more than the others would need."""
    plan = racing(4, "was fast", "steady")
    paced(plan, "was fast", 0.1, 1)
    paced(plan, "steady", 0.5, 1)
    (last,) = (piece for piece in range(4) if plan.owners_of(piece) == ("steady",))
    assert plan.delivered("steady", last, 1.0)
    plan.finish(last)
    late = 0.1 + PATIENCE * 0.5 + SLACK
    assert plan.take("steady", 1, late) == []
    assert plan.take("steady", 1, late + 0.01) != []


def test_http_takes_over_from_peers_unless_it_spares_them() -> None:
    """The last pieces of a stalled peer come from the origin."""
    plan = racing(2, "silent")
    plan.add_everything("http")
    plan.take("silent", 2, 0.0)
    assert not plan.take_run("http", 8, 5.0, sparing=True)
    assert plan.take_run("http", 8, 5.0) == range(1, 2)
    assert plan.take_run("http", 8, 5.0) == range(1)
    assert not plan.take_run("http", 8, 5.0)


def test_of_two_that_fetch_one_piece_the_first_counts() -> None:
    """The second's bytes are of no use; a third does not join them."""
    plan = racing(1, "a", "b", "c")
    assert plan.take("a", 1, 0.0) == [0]
    assert plan.take("b", 1, 9.0) == [0]
    assert plan.take("c", 1, 20.0) == []
    assert plan.delivered("b", 0, 21.0)
    assert not plan.delivered("a", 0, 21.0)
    plan.finish(0)
    assert plan.complete


@pytest.mark.parametrize("done", [False, True])
def test_what_has_come_is_not_taken_over(done: bool) -> None:
    """A piece that is being checked or done is not fetched again, though its slow owner has not heard of it yet."""
    plan = racing(1, "slow", "fast", "idle")
    plan.take("slow", 1, 0.0)
    plan.take("fast", 1, 9.0)
    assert plan.delivered("fast", 0, 9.1)
    if done:
        plan.finish(0)
    assert plan.take("idle", 1, 30.0) == []


def test_a_bad_piece_is_wanted_again() -> None:
    """Nobody is waited for who is not fetching it; whoever is may go on."""
    plan = racing(1, "a", "b")
    plan.take("a", 1, 0.0)
    plan.delivered("a", 0, 1.0)
    plan.fail(0)
    assert plan.state_of(0) is State.WANTED
    assert plan.take("a", 1, 1.0) == [0]
    assert plan.take("b", 1, 9.0) == [0]
    plan.delivered("a", 0, 9.5)
    plan.fail(0)
    assert plan.state_of(0) is State.TAKEN
    assert plan.owners_of(0) == ("b",)


def test_a_source_that_fails_loses_nothing() -> None:
    """What it had taken goes to the others; what it shared with another stays with that one."""
    plan = racing(2, "fails", "stays")
    assert plan.take("fails", 2, 0.0) == [0, 1]
    assert plan.take("stays", 1, 9.0) == [1]
    plan.remove("fails")
    assert plan.owners_of(1) == ("stays",)
    assert plan.take("stays", 2, 9.0) == [0]
