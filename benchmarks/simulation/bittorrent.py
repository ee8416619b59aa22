"""A machine that runs BitTorrent by the book: rarest first, tit for tat on four slots, one of them optimistic.

Source: BEP 3; B. Cohen, Incentives Build Robustness in BitTorrent (2003). Where the book leaves room it is read in
BitTorrent's favour: a piece that is on its way when its sender chokes still comes, and a free slot is given at once.
"""

import functools
from collections import deque
from collections.abc import Callable

from benchmarks.simulation.network import Flow, Line
from benchmarks.simulation.swarm import Swarm

REGULAR = 3
"""Slots for those who give most ..."""
SLOTS = 4
"""... and one more, whose guest is chance."""
TURN = 10.0
"""Seconds between two choices."""
OPTIMISTIC_TURNS = 3
"""Turns that the optimistic slot stays with one guest."""
AHEAD = 2
"""Pieces asked of one peer at a time."""
RANDOM_FIRST = 4
"""Pieces that are chosen by chance before the rarest are."""
FADING = 0.5
"""What the bytes of the last turn count in the next."""
SEED_PEERS = 200
"""Connections of the origin."""


class Lane:
    """One direction of a connection: what ``giver`` sends to ``taker``."""

    def __init__(self, giver: "BitTorrentMachine", taker: "BitTorrentMachine") -> None:
        self.giver = giver
        self.taker = taker
        self.interested = self.unchoked = self.open = False
        """As the taker said and heard, and as the giver means it."""
        self.asked: dict[int, None] = {}
        self.given = 0.0
        """Bytes to the taker lately."""
        self._queue: deque[int] = deque()
        self._flow: Flow | None = None
        self._sending = -1
        self._swarm = giver.swarm

    def choke(self) -> None:
        """Stop answering."""
        self.open = False
        self._queue.clear()
        self.later(functools.partial(self.taker.choked, self))

    def unchoke(self) -> None:
        """Start answering."""
        self.open = True
        self.later(functools.partial(self.taker.unchoked, self))

    def later(self, message: Callable[[], None]) -> None:
        """Send a message either way."""
        self._swarm.clock.after(self._swarm.delay, message)

    def ask(self, piece: int) -> None:
        """Ask for a piece."""
        self.asked[piece] = None
        self.later(functools.partial(self._enqueue, piece))

    def cancel(self, piece: int) -> None:
        """Ask no more for a piece that has come from another."""
        if piece in self.asked:
            del self.asked[piece]
            if piece == self._sending and self._flow is not None:
                self._swarm.network.stop(self._flow)
                self._flow = None
                self._send()
            elif piece in self._queue:
                self._queue.remove(piece)

    def close(self) -> None:
        """End it."""
        self._queue.clear()
        if self._flow is not None:
            self._swarm.network.stop(self._flow)
            self._flow = None

    def _enqueue(self, piece: int) -> None:
        if self.open and piece in self.asked:
            self._queue.append(piece)
            self._send()

    def _send(self) -> None:
        if self._flow is None and self._queue:
            self._sending, size = self._queue.popleft(), self._swarm.file.piece_size
            sent = functools.partial(self._sent, self._sending)
            self._flow = self._swarm.network.start(self.giver.line, self.taker.line, size, sent)

    def _sent(self, piece: int) -> None:
        self._flow = None
        self.given += self._swarm.file.piece_size
        if self.giver.number < 0:
            self._swarm.tally.from_origin += 1
        self.taker.came(self, piece)
        self._send()


class BitTorrentMachine:
    """One machine; the ``origin`` is one that has everything, has none itself, and has a negative ``number``."""

    def __init__(self, swarm: Swarm, number: int, line: Line, origin: "BitTorrentMachine | None" = None) -> None:
        self.swarm = swarm
        self.number = number
        self.line = line
        self.has = 0 if origin is not None else (1 << swarm.file.pieces) - 1
        self._origin = origin
        self._all = (1 << swarm.file.pieces) - 1
        self._wanted = self._all & ~self.has
        self._seen = [0] * swarm.file.pieces
        self._takes: dict[BitTorrentMachine, Lane] = {}
        self._gives: dict[BitTorrentMachine, Lane] = {}
        self._optimistic: Lane | None = None
        self._turn = 0
        self._gone = False

    @property
    def peers(self) -> int:
        """How many it is connected to."""
        return len(self._takes)

    def start(self, machines: int) -> None:  # noqa: ARG002 - a tracker says it, and nobody uses it
        """Begin."""
        self.swarm.clock.after(self.swarm.chance.uniform(0, TURN), self._choose_guests)
        if self._origin is not None and self._origin.peers < SEED_PEERS:
            self.connect(self._origin)

    def connect(self, other: "BitTorrentMachine") -> None:
        """Become peers, both ways."""
        if other in self._takes:
            return
        for giver, taker in ((self, other), (other, self)):
            giver._gives[taker] = taker._takes[giver] = Lane(giver, taker)
            for piece in _pieces(giver.has):
                taker._seen[piece] += 1
        for giver, taker in ((self, other), (other, self)):
            taker._look_at(taker._takes[giver])

    def leave(self) -> None:
        """Be switched off."""
        self._gone = True
        for other in list(self._takes):
            for giver, taker in ((self, other), (other, self)):
                lane = taker._takes.pop(giver)
                del giver._gives[taker]
                lane.close()
                for piece in _pieces(giver.has):
                    taker._seen[piece] -= 1
                taker._want_again(lane)
            if not other._gone:
                other._fill_slots()

    # -- giving

    def _choose_guests(self) -> None:
        """Give the slots to those who gave most lately, one to chance; a seed gives all to chance."""
        if self._gone:
            return
        guests = [lane for lane in self._gives.values() if lane.interested]
        self.swarm.chance.shuffle(guests)
        if self.has != self._all:
            guests.sort(key=lambda lane: -self._takes[lane.taker].given)
        chosen = guests[:REGULAR]
        if self._turn % OPTIMISTIC_TURNS == 0 or self._optimistic not in guests or self._optimistic in chosen:
            rest = guests[REGULAR:]
            self._optimistic = self.swarm.chance.choice(rest) if rest else None
        self._turn += 1
        if self._optimistic is not None:
            chosen.append(self._optimistic)
        for lane in self._gives.values():
            if lane.open and lane not in chosen:
                lane.choke()
        for lane in chosen:
            if not lane.open:
                lane.unchoke()
        for lane in self._takes.values():
            lane.given *= FADING
        self.swarm.clock.after(TURN, self._choose_guests)

    def _fill_slots(self) -> None:
        """Give free slots to whoever is interested."""
        free = SLOTS - sum(lane.open for lane in self._gives.values())
        waiting = [lane for lane in self._gives.values() if lane.interested and not lane.open]
        for lane in self.swarm.chance.sample(waiting, max(0, min(free, len(waiting)))):
            lane.unchoke()

    def _hear_interest(self, lane: Lane) -> None:
        if lane.taker not in self._gives:
            return
        if not lane.interested and lane.open:
            lane.choke()
        self._fill_slots()

    # -- taking

    def unchoked(self, lane: Lane) -> None:
        """Hear that requests are answered."""
        lane.unchoked = True
        self._ask(lane)

    def choked(self, lane: Lane) -> None:
        """Hear that requests are not answered."""
        lane.unchoked = False
        self._want_again(lane)

    def came(self, lane: Lane, piece: int) -> None:
        """Take in a piece."""
        lane.asked.pop(piece, None)
        bit = 1 << piece
        if self.has & bit:
            self.swarm.tally.wasted += 1
        else:
            self.has |= bit
            self._wanted &= ~bit
            self._announce(piece)
            for other in self._takes.values():
                other.cancel(piece)
            if self.has == self._all:
                self.swarm.done(self)
        for other in list(self._takes.values()):
            self._look_at(other)
            self._ask(other)

    def _announce(self, piece: int) -> None:
        for other, lane in self._gives.items():
            if not other.has >> piece & 1:
                lane.later(functools.partial(other._heard, lane, piece))

    def _heard(self, lane: Lane, piece: int) -> None:
        if lane.giver in self._takes:
            self._seen[piece] += 1
            self._look_at(lane)
            self._ask(lane)

    def _look_at(self, lane: Lane) -> None:
        """Be interested in who has anything that we lack."""
        interested = bool(lane.giver.has & ~self.has)
        if interested != lane.interested:
            lane.interested = interested
            lane.later(functools.partial(lane.giver._hear_interest, lane))

    def _ask(self, lane: Lane) -> None:
        while lane.unchoked and lane.giver in self._takes and len(lane.asked) < AHEAD:
            piece = self._choose(lane)
            if piece is None:
                return
            self._wanted &= ~(1 << piece)
            lane.ask(piece)

    def _choose(self, lane: Lane) -> int | None:
        """Return the rarest piece, by chance among equals; in the end one that another is fetching, too."""
        choice = _pieces(lane.giver.has & self._wanted)
        if choice and self.has.bit_count() < RANDOM_FIRST:
            return self.swarm.chance.choice(choice)
        if choice:
            fewest = min(self._seen[piece] for piece in choice)
            return self.swarm.chance.choice([piece for piece in choice if self._seen[piece] == fewest])
        if self._wanted:
            return None
        late = [piece for piece in _pieces(lane.giver.has & ~self.has) if self._is_late(piece)]
        return self.swarm.chance.choice(late) if late and not lane.asked else None

    def _is_late(self, piece: int) -> bool:
        return sum(piece in lane.asked for lane in self._takes.values()) == 1

    def _want_again(self, lane: Lane) -> None:
        for piece in lane.asked:
            if not self.has >> piece & 1:
                self._wanted |= 1 << piece
        lane.asked.clear()


def _pieces(some: int) -> list[int]:
    """Return the pieces of a set."""
    found = []
    while some:
        lowest = some & -some
        found.append(lowest.bit_length() - 1)
        some ^= lowest
    return found
