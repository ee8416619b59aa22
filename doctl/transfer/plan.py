"""Which piece comes from which source next. Every piece is in exactly one state: wanted, taken, checking or done.

Pure: no I/O, and time is an argument (``now``, seconds from any start). Sets of pieces are integers whose bit i stands
for piece i, so that a choice among tens of thousands of pieces is a few operations on machine words.

* Peers get the rarest piece first, starting at a place of our own so that two machines seldom want the same one.
* A source that has everything (HTTP) gets runs of adjacent pieces, first those that no peer has. Of a swarm that lacks
  pieces every machine asks for some of these, in ``turns``.
* A source with nothing left to take may take over a piece from another that would need more than twice as long for it;
  this is also how the last pieces are got twice rather than waited for.
"""

import enum
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from doctl.transfer.turns import Turns, first_of

PATIENCE: Final = 2.0
"""A piece is taken over where its owner needs this many times as long as the taker."""
SLACK: Final = 0.25
"""Seconds by which the owner may be late in any case: to save less is not worth the bytes that come twice."""
STALLED: Final = 2.0
"""Seconds without a piece after which even a source of unknown pace may take over, unless all are as slow."""
SMOOTHING: Final = 0.3
"""Weight of the newest piece in a source's pace."""
RUN_SHARE: Final = 16
"""A run is at most this part of what is left, so that no source holds the last pieces alone."""


class State(enum.Enum):
    """Where a piece is on its way."""

    WANTED = "wanted"
    TAKEN = "taken"
    CHECKING = "checking"
    DONE = "done"


@dataclass(slots=True)
class _Holder:
    """What the plan knows of one source. ``pace`` is seconds a piece, None before its first.

    ``queue`` is an ordered set (the values mean nothing), since a plain stream takes a whole file's pieces at once;
    ``asked`` says whether anything ever was in it.
    """

    has: int
    peer: bool
    asked: bool = False
    queue: dict[int, None] = field(default_factory=dict)
    pace: float | None = None
    since: float = 0.0
    cursor: int = 0

    def seconds_per_piece(self, now: float) -> float | None:
        """The pace so far; for a source that has gone quiet, at least as long as it has been so."""
        quiet = now - self.since if self.queue else 0.0
        return max(self.pace or 0.0, quiet) if self.pace is not None or quiet > STALLED else None

    def last_first(self, now: float) -> Iterator[tuple[int, float]]:
        """Yield every piece of the queue and in how many seconds it should come, the last first."""
        pace = self.seconds_per_piece(now)
        if pace is not None:
            for place, piece in zip(range(len(self.queue), 0, -1), reversed(self.queue), strict=True):
                yield piece, pace * place


class Plan:
    """The pieces of one download and the sources they may come from."""

    def __init__(self, pieces: int, done: int = 0, start: int = 0, own: bytes = b"") -> None:
        """Plan for ``pieces`` pieces of which the set ``done`` is there; choices start at piece ``start``.

        ``own`` is the id by which peers know this machine.
        """
        self.pieces = pieces
        self.turns = Turns(own, pieces)
        self.all = (1 << pieces) - 1
        self.done = done & self.all
        self.wanted = self.all & ~self.done
        self.checking = 0
        self._start = start % pieces if pieces else 0
        self._usual_pace = 0.0
        self._holders: dict[object, _Holder] = {}
        self._owners: dict[int, list[object]] = {}
        self._levels: list[int] = [self.all]  # _levels[k]: the pieces that exactly k peers have

    # -- what is so

    @property
    def taken(self) -> int:
        """The pieces that somebody is fetching."""
        return self.all & ~(self.wanted | self.checking | self.done)

    @property
    def complete(self) -> bool:
        """Whether every piece is done."""
        return self.done == self.all

    @property
    def lacking(self) -> int:
        """The pieces that nobody has, neither a peer nor we."""
        return self._levels[0] & ~self.done

    def state_of(self, piece: int) -> State:
        """Return the one state ``piece`` is in."""
        bit = 1 << piece
        if self.done & bit:
            return State.DONE
        if self.checking & bit:
            return State.CHECKING
        return State.WANTED if self.wanted & bit else State.TAKEN

    def owners_of(self, piece: int) -> tuple[object, ...]:
        """The sources that are fetching ``piece``."""
        return tuple(self._owners.get(piece, ()))

    def useful(self, source: object) -> bool:
        """Whether ``source`` has anything that is not done."""
        return bool(self._holders[source].has & ~self.done)

    def offers(self, source: object, now: float) -> bool:
        """Whether ``take`` would give ``source`` anything; what it may take over, only when nothing else is wanted."""
        if self.wanted:
            return bool(self._holders[source].has & self.wanted)
        return self._latest(source, now) is not None

    @property
    def awaits_peers(self) -> bool:
        """Whether a peer was added that nothing is known of yet."""
        return any(each.peer and not each.has and source not in self.turns for source, each in self._holders.items())

    def pace_of(self, source: object, now: float) -> float | None:
        """Return the seconds that ``source`` takes for a piece: infinite while it takes its first, None before.

        Where others were always sooner, it is the time since it was asked: it would need that at least.
        """
        holder = self._holders[source]
        if holder.pace is not None:
            return holder.seconds_per_piece(now)
        if holder.asked:
            return math.inf if holder.queue else now - holder.since
        return None

    # -- sources

    def add_everything(self, source: object) -> None:
        """Add a source that has every piece and does not count as a peer (HTTP)."""
        self._holders[source] = _Holder(self.all, peer=False, cursor=self._start)

    def add_peer(self, source: object) -> None:
        """Add a peer that has nothing yet; ``meet`` and ``has`` tell more."""
        self._holders[source] = _Holder(0, peer=True)

    def meet(self, source: object, peer_id: bytes) -> None:
        """Note that the peer ``source`` is there, and who it is."""
        if self._holders[source].has != self.all:  # else it asks the origin for nothing
            self.turns.meet(source, peer_id)

    def has(self, source: object, pieces: int) -> None:
        """Note that the peer ``source`` has ``pieces`` as well."""
        holder = self._holders[source]
        self._count(pieces & self.all & ~holder.has, +1)
        holder.has |= pieces & self.all
        if holder.has == self.all:
            self.turns.part(source)

    def remove(self, source: object) -> None:
        """Forget a source; what it had taken is wanted again."""
        holder = self._holders[source]
        self.give_back(source, list(holder.queue))
        self.turns.part(source)
        if holder.peer:
            self._count(holder.has, -1)
        del self._holders[source]

    # -- taking

    def take(self, source: object, most: int, now: float) -> list[int]:
        """Take up to ``most`` pieces that the peer ``source`` has, rarest first."""
        holder = self._holders[source]
        chosen: list[int] = []
        start = self._start if self.turns else 0  # where all have everything, the file's own order is best
        for level in self._levels[1:]:
            choice = level & self.wanted & holder.has
            for piece in _from(choice, start, most - len(chosen)) if choice else ():
                chosen.append(piece)
                self._own(source, range(piece, piece + 1), now)
            if len(chosen) == most:
                return chosen
        return chosen or self._take_over(source, now)

    def take_run(self, source: object, most: int, now: float, *, sparing: bool = False) -> range:
        """Take up to ``most`` adjacent pieces for a source that has them all.

        Pieces that no peer has come first, in turns with the peers; with ``sparing``, only those.
        """
        run = self._lacking(source, most, now)
        if not run and not sparing:
            rarest = next((level & self.wanted for level in self._levels[1:] if level & self.wanted), 0)
            run = self._run(source, rarest, most)
        if run:
            self._own(source, run, now)
            self._holders[source].cursor = run.stop % self.pieces
            return run
        over = [] if sparing else self._take_over(source, now)
        return range(over[0], over[0] + 1) if over else range(0)

    def take_rest(self, source: object, now: float) -> list[int]:
        """Take all that is wanted, for a source that gives everything in one stream."""
        rest = list(_from(self.wanted, 0, self.pieces))
        for piece in rest:
            self._own(source, range(piece, piece + 1), now)
        return rest

    def _lacking(self, source: object, most: int, now: float) -> range:
        """Return a run of pieces that no peer has, if it is for ``source`` to bring them."""
        if self.turns:
            return self.turns.choose(self.lacking, self.wanted, now)
        return self._run(source, self.lacking & self.wanted, most)

    def _run(self, source: object, choice: int, most: int) -> range:
        """Return a run out of ``choice`` that goes on where the last one of ``source`` ended."""
        most = min(most, max(1, self.wanted.bit_count() // RUN_SHARE))
        return first_of(choice, most, self._holders[source].cursor) if choice else range(0)

    def _own(self, source: object, run: range, now: float) -> None:
        holder = self._holders[source]
        if not holder.queue:
            holder.asked, holder.since = True, now
        for piece in run:
            holder.queue[piece] = None
            self._owners.setdefault(piece, []).append(source)
        self.wanted &= ~((1 << run.stop) - (1 << run.start))

    def _take_over(self, source: object, now: float) -> list[int]:
        """Take the piece that would be longest in coming, if ``source`` is much faster than its owner."""
        latest = self._latest(source, now)
        if latest is None:
            return []
        self._own(source, range(latest, latest + 1), now)
        return [latest]

    def _latest(self, source: object, now: float) -> int | None:
        holder = self._holders[source]
        own_pace = holder.seconds_per_piece(now)
        when = max(STALLED, PATIENCE * self._usual_pace)
        if own_pace is not None:
            when = PATIENCE * own_pace * (len(holder.queue) + 1) + SLACK
        latest = None
        for other in self._holders.values():
            for piece, expected in other.last_first(now) if other.queue else ():
                if expected <= when:
                    break
                if self._may_join(source, piece):
                    latest, when = piece, expected
                    break
        return latest

    def _may_join(self, source: object, piece: int) -> bool:
        """Whether ``source`` may fetch a piece that another is fetching: it has it, and there is no second one yet."""
        owners, bit = self._owners[piece], 1 << piece
        return len(owners) == 1 and source not in owners and bool(self._holders[source].has & ~self.checking & bit)

    # -- giving back and finishing

    def give_back(self, source: object, pieces: Iterable[int]) -> None:
        """Note that ``source`` will not deliver ``pieces`` after all."""
        for piece in pieces:
            self._disown(source, piece)
            if piece not in self._owners and not (self.done | self.checking) >> piece & 1:
                self.wanted |= 1 << piece

    def delivered(self, source: object, piece: int, now: float) -> bool:
        """Note that ``source`` has brought ``piece``; False if nobody needs it any more."""
        holder = self._holders.get(source)
        if holder is not None and piece in holder.queue:
            took = now - holder.since
            holder.pace = took if holder.pace is None else (1 - SMOOTHING) * holder.pace + SMOOTHING * took
            self._usual_pace += SMOOTHING * (took - self._usual_pace)
            holder.since = now
        self._disown(source, piece)
        bit = 1 << piece
        if (self.done | self.checking) & bit:
            return False
        self.wanted &= ~bit
        self.checking |= bit
        return True

    def finish(self, piece: int) -> None:
        """Note that ``piece`` had the right hash and is on disk; whoever else is fetching it does so in vain."""
        self.checking &= ~(1 << piece)
        self.done |= 1 << piece
        for owner in self.owners_of(piece):
            self._disown(owner, piece)

    def fail(self, piece: int) -> None:
        """Note that a delivered ``piece`` was bad: it is wanted again, unless another source is fetching it."""
        self.checking &= ~(1 << piece)
        if piece not in self._owners:
            self.wanted |= 1 << piece

    def _disown(self, source: object, piece: int) -> None:
        holder = self._holders.get(source)
        if holder is not None:
            holder.queue.pop(piece, None)
        owners = self._owners.get(piece, [])
        if source in owners:
            owners.remove(source)
        if not owners:
            self._owners.pop(piece, None)

    def _count(self, pieces: int, step: int) -> None:
        """Move ``pieces`` one level of availability up or down."""
        levels = range(len(self._levels) - 1, -1, -1) if step > 0 else range(1, len(self._levels))
        for level in levels:
            moved = self._levels[level] & pieces
            if moved:
                if level + step == len(self._levels):
                    self._levels.append(0)
                self._levels[level] ^= moved
                self._levels[level + step] |= moved


def _from(pieces: int, start: int, most: int) -> Iterator[int]:
    """Yield up to ``most`` of the set ``pieces`` in order from ``start``, going round at the end."""
    later = pieces >> start << start
    for part in (later, pieces ^ later):
        rest = part
        while rest and most > 0:
            lowest = rest & -rest
            yield lowest.bit_length() - 1
            rest ^= lowest
            most -= 1
