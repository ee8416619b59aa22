"""Whose turn it is to ask the origin for what nobody has yet, among machines that do not tell each other what they do.

Pure; time is an argument. All machines of a swarm know the same of it: who is there (peer ids), and which pieces
somebody has. So each can say for itself who is to fetch what, and the origin is asked for each piece once: the next
few in the file's order are due, and each of these belongs to the machine whose id, hashed with it, is least. Only few,
since a piece can be passed on only when it is whole: where many machines ask for one each, all wait for all.

If that machine does not deliver, others may try after a while, and after each further while twice as many; who is late
time after time has no more turns.

Where there are more machines than one can know, those that were there first do all this: they know each other, since
each calls whom it finds and is called by who comes next. To who comes later all turns are late.
"""

import hashlib
import itertools
from collections.abc import Iterator
from typing import Final

DUE: Final = 2
"""Runs that are due at a time: enough to keep an origin's line busy when one of them ends. More would share that line,
and each would be whole, so that others can have it, as much later."""
RUN_SHARE: Final = 64
"""A run is this part of the file, so that a small one comes by single pieces ..."""
LONGEST_RUN: Final = 8
"""... and of a large one so many pieces come with one request."""
USUAL: Final = 1.5
"""Seconds for which a run that alone is due is so until somebody has it, as long as nothing better is known."""
LATE: Final = 2.0
"""A run is late, and others may try, after so many times what is usual of as many as are due, ..."""
EARLIEST: Final = 3.0
"""... but not before so many seconds ..."""
LATEST: Final = 60.0
"""... and after so many in any case."""
PARDONED: Final = 5
"""Runs that a machine may be late with, one after the other."""
SMOOTHING: Final = 0.3
"""Weight of the latest run in what is usual, if it came sooner; ..."""
SLOWER: Final = 3.0
"""... if later, it says alone what is usual, up to so many times what was."""

SETTLED: Final = 3.0
"""Seconds that peers have to begin with before a few machines ask the origin for what others have. As many again pass
before each further that is twice as many: if all of a thousand tried it at once, the origin would serve none."""
SENIORS: Final = 32
"""Machines that take turns: those that we met first."""
JUNIOR: Final = 8
"""Machines that come before one that is not among them, at least."""
MANY: Final = 1024
"""Machines there may be where there are more than we know."""
MUCH: Final = 4.0
"""It goes on only where the origin is more than so many times as fast as all peers."""


class Turns:
    """The turns at the origin as the machine ``own`` (its peer id) sees them, for a file of so many ``pieces``."""

    def __init__(self, own: bytes, pieces: int) -> None:
        self._own = own
        self._junior = False
        self._pieces = pieces
        self._run = max(1, min(LONGEST_RUN, pieces // RUN_SHARE))
        self._others: dict[object, bytes] = {}
        self._ranks: dict[int, int] = {}
        self._due: dict[int, float] = {}
        self._late: dict[object, tuple[int, float]] = {}
        self._reached_us: set[int] = set()
        self._usual = USUAL

    def __bool__(self) -> bool:
        """Whether there is anybody to take turns with."""
        return bool(self._others)

    def __contains__(self, who: object) -> bool:
        """Whether ``who`` was met."""
        return who in self._others

    def meet(self, who: object, peer_id: bytes) -> None:
        """Note that there is another machine, ``who``."""
        self._others[who] = peer_id
        self._ranks.clear()

    def part(self, who: object) -> None:
        """Note that ``who`` is gone."""
        if self._others.pop(who, None) is not None:
            self._late.pop(who, None)
            self._ranks.clear()

    def defer(self) -> None:
        """Note that more machines than we can know were there before us."""
        self._junior = True
        self._ranks.clear()

    def choose(self, lacking: int, free: int, now: float) -> range:
        """Return adjacent pieces that it is our turn to ask for; empty if there are none just now.

        ``lacking`` is the set of pieces that nobody has, ``free`` those that we are not fetching already.
        """
        for run, since in self._look(lacking, now):
            mine = lacking & free & self._set_of(run)
            if mine and now >= since + self._wait(run):
                self._reached_us.add(run)
                self._due[run] = now
                self._blame(self._before_us(run), now)
                return first_of(mine, self._run)
        return range(0)

    def spares_origin(self, from_peers: float, from_origin: float | None, age: float) -> bool:
        """Whether we leave to peers what they have, though they are slow; all rates in the same unit.

        The origin must be much faster than they are, or this swarm is slow because its origin is, which would then
        have to send everything to everybody. ``from_origin`` is None as long as it was asked for nothing, and 0 while
        the first answer is on its way; ``age`` is how long it could have been asked, in seconds.
        """
        machines = MANY if self._junior else len(self._others) + 1
        place = int(_lot(self._own, self._pieces) / 2**64 * machines / DUE)
        if age < SETTLED * (1 + place.bit_length()):
            return True
        return from_origin is not None and from_origin <= MUCH * from_peers

    def _look(self, lacking: int, now: float) -> list[tuple[int, float]]:
        """Return the runs that are due and since when, and learn from those that are no longer."""
        due = {run: self._due.get(run, now) for run in self._first_runs(lacking)}
        for run, since in self._due.items():
            if run not in due:
                took = min((now - since) / len(self._due), SLOWER * self._usual)
                self._usual = max(took, self._usual + SMOOTHING * (took - self._usual))
                if run not in self._reached_us:
                    self._pardon(run)
        self._due = due
        return list(due.items())

    def _first_runs(self, lacking: int) -> Iterator[int]:
        """Yield the runs that are due: one at first, to have something to pass on soon, then more and more."""
        done = (self._pieces - lacking.bit_count()) // self._run
        for _ in range(min(DUE, 1 + done)):
            if not lacking:
                return
            run = ((lacking & -lacking).bit_length() - 1) // self._run
            lacking &= ~self._set_of(run)
            yield run

    def _wait(self, run: int) -> float:
        """Return the seconds that ``run`` must be due before it is our turn."""
        late = LATE * self._usual * len(self._due)
        return self._rank(run).bit_length() * min(max(late, EARLIEST), LATEST)

    def _rank(self, run: int) -> int:
        """Return how many machines come before us at ``run``, as far as we know."""
        if run not in self._ranks:
            self._ranks[run] = len(self._before_us(run)) + JUNIOR * self._junior
        return self._ranks[run]

    def _before_us(self, run: int) -> list[object]:
        own = _lot(self._own, run)
        seniors = itertools.islice(self._others.items(), SENIORS)
        return [who for who, peer_id in seniors if _lot(peer_id, run) < own]

    def _pardon(self, run: int) -> None:
        for who in self._before_us(run) if self._late else ():
            self._late.pop(who, None)

    def _blame(self, before_us: list[object], now: float) -> None:
        """Note that it was the turn of these before it came to be ours; for runs due at once they are late once."""
        if self._junior:
            self._junior = False
            self._ranks.clear()
        late = [who for who in before_us if now >= self._late.get(who, (0, -EARLIEST))[1] + EARLIEST]
        for who in late:
            times, _ = self._late.get(who, (0, now))
            self._late[who] = times + 1, now
            if times == PARDONED:
                self.part(who)

    def _set_of(self, run: int) -> int:
        return ((1 << self._run) - 1) << run * self._run


def first_of(pieces: int, most: int, start: int = 0) -> range:
    """Return up to ``most`` adjacent ones of the set ``pieces``: the first from ``start`` on, else of all."""
    later = pieces >> start << start or pieces
    first = (later & -later).bit_length() - 1
    rest = later >> first
    adjacent = (~rest & (rest + 1)).bit_length() - 1
    return range(first, first + min(most, adjacent))


def _lot(peer_id: bytes, run: int) -> int:
    """Draw a lot of 64 bits that is the same on every machine."""
    return int.from_bytes(hashlib.sha256(peer_id + run.to_bytes(4, "big")).digest()[:8], "big")
