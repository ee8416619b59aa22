"""A machine that runs doctl: the real plan with its turns, the real slots and ledger, on a simulated line."""

import functools
import math
from collections import deque
from collections.abc import Callable

from benchmarks.simulation.network import Flow, Line
from benchmarks.simulation.swarm import Swarm
from doctl.sources.http import PARALLEL, RUN
from doctl.sources.peer import AHEAD, SMOOTHING
from doctl.transfer.desk import Kind
from doctl.transfer.ledger import Ledger
from doctl.transfer.plan import Plan
from doctl.transfer.rules import ENOUGH
from doctl.transfer.turns import SENIORS
from doctl.transfer.upload import SLOTS, Slots

HTTP = "origin"
TICK = 0.5
"""Seconds between looks at what only time changes."""


class Lane:
    """One direction of a connection: what ``giver`` sends to ``taker``. It is a guest of the giver's slots."""

    kind = Kind.LAN

    def __init__(self, giver: "DoctlMachine", taker: "DoctlMachine") -> None:
        self.giver = giver
        self.taker = taker
        self.interested = self.unchoked = False
        """As the taker said, and as it heard."""
        self.asked: dict[int, None] = {}
        self.pace = AHEAD
        self._latest = 0.0
        self._open = False
        self._queue: deque[int] = deque()
        self._flow: Flow | None = None
        self._behind: list[Callable[[], None]] = []
        self._swarm = giver.swarm

    # -- the giver's side

    @property
    def brings(self) -> bool:
        """Whether a piece from the taker is on its way to the giver."""
        back = self.taker._gives.get(self.giver)
        return back is not None and back._flow is not None

    def choke(self) -> None:
        """Stop answering."""
        self._open = False
        self._queue.clear()
        self.say(functools.partial(self.taker.choked, self))

    def unchoke(self) -> None:
        """Start answering."""
        self._open = True
        self.say(functools.partial(self.taker.unchoked, self))

    def say(self, message: Callable[[], None]) -> None:
        """Send a message to the taker; it waits for the piece that is being sent."""
        if self._flow is None:
            self._swarm.clock.after(self._swarm.delay, message)
        else:
            self._behind.append(message)

    def keep_going(self) -> None:
        """Tell the slots if bytes go out."""
        if self._flow is not None:
            self.giver.slots.going(self)

    def close(self) -> None:
        """End it: one of both is gone."""
        self._queue.clear()
        self._behind.clear()
        if self._flow is not None:
            self._swarm.network.stop(self._flow)
            self._flow = None

    def _enqueue(self, piece: int) -> None:
        if self._open:
            self._queue.append(piece)
            self._send()

    def _send(self) -> None:
        if self._flow is None and self._queue:
            piece, size = self._queue.popleft(), self._swarm.file.piece_size
            sent = functools.partial(self._sent, piece, self._swarm.clock.now)
            self._flow = self._swarm.network.start(self.giver.line, self.taker.line, size, sent)

    def _sent(self, piece: int, since: float) -> None:
        self._flow = None
        for message in self._behind:
            self._swarm.clock.after(self._swarm.delay, message)
        self._behind.clear()
        self.giver.slots.sent(self, self._swarm.file.piece_size, self._swarm.clock.now - since, whole=True)
        self._send()
        self.taker.came(self, piece)

    # -- the taker's side

    def be_interested(self, *, interested: bool) -> None:
        """Say whether the taker would ask for something."""
        self.interested = interested
        self._answer(self._hear_interest)

    def _answer(self, message: Callable[[], None]) -> None:
        """Send a message to the giver; it waits for the piece that goes the same way."""
        if (back := self.taker._gives.get(self.giver)) is not None:
            back.say(message)

    def _hear_interest(self) -> None:
        if self.taker.number not in self.giver.known:
            return  # one of both is gone
        if self.interested:
            self.giver.slots.ask(self)
        else:
            self._queue.clear()
            self.giver.slots.rest(self)

    def ask(self, pieces: list[int]) -> None:
        """Ask for ``pieces``."""
        if pieces and not self.asked:
            self._latest = self._swarm.clock.now
        for piece in pieces:
            self.asked[piece] = None
            self._answer(functools.partial(self._enqueue, piece))

    def keep_pace(self) -> None:
        """Note that a piece came."""
        now = self._swarm.clock.now
        self.pace += SMOOTHING * (now - self._latest - self.pace)
        self._latest = now


class DoctlMachine:
    """One machine; it has the counter of ``transfer.engine`` and does with each peer as ``sources.peer`` does."""

    def __init__(self, swarm: Swarm, number: int, line: Line) -> None:
        self.swarm = swarm
        self.number = number
        self.line = line
        self.known: set[int] = set()
        self.slots = Slots(SLOTS, lambda: swarm.clock.now, pick=swarm.chance.choice)
        self._peer_id = swarm.chance.randbytes(20)
        self._plan = Plan(swarm.file.pieces, start=swarm.chance.randrange(swarm.file.pieces), own=self._peer_id)
        self._plan.add_everything(HTTP)
        self._ledger = Ledger()
        self._takes: dict[DoctlMachine, Lane] = {}
        self._gives: dict[DoctlMachine, Lane] = {}
        self._downloads: set[Flow] = set()
        self._idle = PARALLEL
        self._looks_at = -1.0
        self._began = 0.0
        self._gone = False

    # -- coming and going

    @property
    def peers(self) -> int:
        """How many it is connected to."""
        return len(self._takes)

    def start(self, machines: int) -> None:
        """Begin; the coordinator names as many of the machines that are there as it is asked for."""
        self._began = self.swarm.clock.now
        if machines > SENIORS:
            self._plan.turns.defer()
        self.swarm.clock.after(2 * self.swarm.delay, self._tick)

    def connect(self, other: "DoctlMachine") -> None:
        """Become peers, both ways."""
        if other in self._takes:
            return
        for giver, taker in ((self, other), (other, self)):
            giver._gives[taker] = taker._takes[giver] = Lane(giver, taker)
            giver.known.add(taker.number)
            taker._plan.add_peer(giver)
            taker._plan.meet(giver, giver._peer_id)
            taker._plan.has(giver, giver._plan.done)
        for giver, taker in ((self, other), (other, self)):
            taker._refill(taker._takes[giver])

    def leave(self) -> None:
        """Be switched off."""
        self._gone = True
        for flow in list(self._downloads):
            self.swarm.network.stop(flow)
        for other in list(self._takes):
            for giver, taker in ((self, other), (other, self)):
                lane = taker._takes.pop(giver)
                del giver._gives[taker]
                giver.known.discard(taker.number)
                lane.close()
                giver.slots.leave(lane)
                taker._plan.remove(giver)
            other._look_soon()

    # -- peers

    def unchoked(self, lane: Lane) -> None:
        """Hear that requests are answered."""
        lane.unchoked = True
        if lane.giver in self._takes:
            self._refill(lane)

    def choked(self, lane: Lane) -> None:
        """Hear that requests are not answered."""
        lane.unchoked = False
        if lane.asked and lane.giver in self._takes:
            self._plan.give_back(lane.giver, list(lane.asked))
            self._look_soon()
        lane.asked.clear()

    def came(self, lane: Lane, piece: int) -> None:
        """Take in a piece from a peer."""
        if piece in lane.asked:
            del lane.asked[piece]
            lane.keep_pace()
        self._ledger.book("", Kind.LAN, self.swarm.file.piece_size, self.swarm.clock.now)
        self._take_in(lane.giver, piece)
        if not self._plan.complete:
            self._refill(lane)

    def _heard(self, lane: Lane, piece: int) -> None:
        if lane.giver in self._takes and not self._plan.complete:
            fresh = self._plan.lacking >> piece & 1
            self._plan.has(lane.giver, 1 << piece)
            self._refill(lane)
            if fresh:
                self._look_soon()

    def _refill(self, lane: Lane) -> None:
        """Say whether we are interested, and keep enough requests open."""
        now = self.swarm.clock.now
        if not lane.interested and self._plan.offers(lane.giver, now):
            lane.be_interested(interested=True)
        if not lane.interested:
            return
        if lane.unchoked:
            room = 1 + math.ceil(AHEAD / lane.pace) - len(lane.asked)
            lane.ask(self._plan.take(lane.giver, room, now) if room > 0 else [])
        if (lane.unchoked and not lane.asked) or not self._plan.useful(lane.giver):
            lane.be_interested(interested=False)

    def _take_in(self, source: object, piece: int) -> None:
        if not self._plan.delivered(source, piece, self.swarm.clock.now):
            self.swarm.tally.wasted += 1
            return
        self._plan.finish(piece)
        for other, lane in self._gives.items():
            if not other._plan.done >> piece & 1:
                lane.say(functools.partial(other._heard, lane, piece))
        if self._plan.complete:
            self.swarm.done(self)
            for lane in self._takes.values():
                self._refill(lane)
        else:
            self._look_soon()

    # -- the origin, and what only time changes

    def _tick(self) -> None:
        if not self._gone:
            self._look()
            for lane in self._gives.values():
                lane.keep_going()
            self.slots.take_turns()
            self.swarm.clock.after(TICK, self._tick)

    def _look_soon(self) -> None:
        """Look once at what has changed, however much that is."""
        if self._looks_at != self.swarm.clock.now:
            self._looks_at = self.swarm.clock.now
            self.swarm.clock.at(self.swarm.clock.now, self._look)

    def _look(self) -> None:
        if self._plan.complete or self._gone:
            return
        for lane in self._takes.values():
            self._refill(lane)
        while self._idle and (run := self._plan.take_run(HTTP, RUN, self.swarm.clock.now, sparing=self._sparing())):
            self._idle -= 1
            self.swarm.clock.after(2 * self.swarm.delay, functools.partial(self._fetch, deque(run)))

    def _sparing(self) -> bool:
        """Do as ``transfer.engine`` does."""
        now = self.swarm.clock.now
        from_peers = self._ledger.rate(now, peers_only=True)
        if from_peers >= ENOUGH:
            return True
        if not self._plan.turns:
            return False
        if self._plan.lacking:
            return True
        pace = self._plan.pace_of(HTTP, now)
        from_origin = None if pace is None else self.swarm.file.piece_size / max(pace, 1e-6)
        return self._plan.turns.spares_origin(from_peers, from_origin, now - self._began)

    def _fetch(self, pieces: deque[int]) -> None:
        """Fetch a run from the origin, piece by piece."""
        if self._gone:
            return
        if not pieces or self._plan.complete:
            self._plan.give_back(HTTP, pieces)
            self._idle += 1
            self._look_soon()
            return
        piece = pieces.popleft()
        flow = self.swarm.network.start(
            self.swarm.origin, self.line, self.swarm.file.piece_size, lambda: self._fetched(flow, piece, pieces)
        )
        self._downloads.add(flow)

    def _fetched(self, flow: Flow, piece: int, rest: deque[int]) -> None:
        self._downloads.discard(flow)
        self.swarm.tally.from_origin += 1
        self._ledger.book("", Kind.HTTP, self.swarm.file.piece_size, self.swarm.clock.now)
        self._take_in(HTTP, piece)
        self._fetch(rest)
