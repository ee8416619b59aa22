"""LEDBAT++: how much may be in flight so that a transfer takes only what nobody else wants; pure, time is an argument.

Source: draft-irtf-iccrg-ledbat-plus-plus, over RFC 6817. Where this differs the constant says so and why.
"""

import math
from collections import deque
from typing import Final

TARGET: Final = 0.060
"""Seconds of queueing delay aimed at; the most that is ever aimed at."""
SMALL_TARGET: Final = 0.010
"""Seconds aimed at on short paths; on longer ones half the base RTT is, up to the 60 ms that the draft has for all.

Delay that is noise grows with the length of a path: on a short one 10 ms is far above it already, keeps the link as
busy, and leaves more to others where the buffer holds little more than 25 ms.
"""
LEAVE: Final = 0.75
"""Of the target: the delay at which the first slow start ends."""
INITIAL: Final = 4.0
"""Packets in flight at the start."""
QUIET: Final = 2.0
"""Packets in flight during a slowdown."""
QUIET_TRIPS: Final = 2.0
"""Round trips that a slowdown lasts, and that pass between the end of the first slow start and the first slowdown."""
BETWEEN: Final = 9.0
"""Times the last slowdown's length until the next one."""
LEAST_BETWEEN: Final = 1.0
"""Seconds between slowdowns at least: nine times a fraction of a millisecond would be no pause."""
SILENCE: Final = 0.25
"""Seconds without a look after which no slowdown follows for a while: it has been one. An upload that has the line in
short turns would begin each of them with a slowdown."""
LEAST_GAIN: Final = 1 / 4
"""Packets by which the window grows in a round trip at least, below the target.

The draft goes down to a 16th, on paths shorter than an eighth of the target: with a queue of 10 ms that is six packets
a second, and an upload of a second comes to its end before it uses what another has left.
"""
FLOOR: Final = 0.25
"""Packets in flight at least; below two they are sent two at a time, with pauses.

The draft stops at two. Two packets of the twenty that a buffer of 25 ms holds at 10 Mbit/s are a tenth of the link.
"""
MOST: Final = float(1 << 26)
"""Bytes in flight at most."""
MINUTES: Final = 10
"""Minutes over which the least RTT is taken for the path's own."""
LOOKS: Final = 4
"""Looks whose shortest round trip counts: a queue is there in all of them, what a busy processor adds is not.

They must be of as many round trips; after a rest the last one alone counts.
"""
LEAST_LOOKING: Final = 0.005
"""Seconds that the looks may be apart in any case: on a short path a look takes longer than a round trip."""
CLEAR: Final = 0.25
"""Of the target: with less delay than this the link has room."""
CLEAR_TRIPS: Final = 16.0
"""Round trips without loss or a queue after which the window grows in proportion, by a 16th in each.

The draft has its gain alone, by which a fast link takes many seconds to be used again after one loss.
"""
LEAST_CLEAR: Final = 0.05
"""Seconds that this takes at least."""


class BaseDelay:
    """The least round trip of the last ten minutes, in seconds; infinite before the first."""

    def __init__(self) -> None:
        self._minutes: deque[tuple[int, float]] = deque()

    @property
    def least(self) -> float:
        """The least of all that are remembered."""
        return min((rtt for _, rtt in self._minutes), default=math.inf)

    def note(self, now: float, rtt: float) -> None:
        """Take in one round trip, and forget those of ten minutes ago."""
        minute = int(now // 60)
        while self._minutes and self._minutes[0][0] <= minute - MINUTES:
            self._minutes.popleft()
        if self._minutes and self._minutes[-1][0] == minute:
            rtt = min(rtt, self._minutes.pop()[1])
        self._minutes.append((minute, rtt))


class Ledbat:
    """The controller of one connection: tell it what is seen with ``look``, then keep to ``window`` and ``rest``.

    ``fixed_target`` (seconds) replaces the choice of a target.
    """

    def __init__(self, fixed_target: float | None = None) -> None:
        self._fixed_target = fixed_target
        self._base = BaseDelay()
        self._packets = INITIAL
        self._threshold = math.inf
        self._mss = 1460
        self._rtt = 0.0
        self._recent: deque[tuple[float, float]] = deque(maxlen=LOOKS)
        self._looked_at = math.inf
        self._crowded_at = -math.inf
        self._cut_at = -math.inf
        self._next_slowdown = math.inf
        self._slowdown_began: float | None = None
        self._quiet_until = -math.inf

    @property
    def window(self) -> int:
        """Bytes that may be in flight, two packets at least: fewer are not acknowledged at once."""
        return int(max(self._packets, QUIET) * self._mss)

    @property
    def target(self) -> float:
        """Seconds of queueing delay aimed at."""
        if self._fixed_target is not None:
            return self._fixed_target
        return min(max(self._base.least / 2, SMALL_TARGET), TARGET)

    @property
    def gain(self) -> float:
        """Packets by which the window grows in a round trip."""
        base = max(self._base.least, 1e-6)
        return max(1 / max(1, math.ceil(2 * self.target / base)), LEAST_GAIN)

    def rest(self, count: int) -> float:
        """Return the seconds to send nothing after ``count`` bytes: none, unless less than two packets may fly."""
        return 0.0 if self._packets >= QUIET else self._rtt * count / (self._packets * self._mss)

    def look(self, now: float, *, rtt: float, least: float, mss: int, acked: int, lost: bool, full: bool) -> None:
        """Take in what was seen since the last look.

        ``rtt`` is the latest round trip and ``least`` the shortest one known to the sender, in seconds; ``acked``
        counts bytes; ``lost`` whether packets were; ``full`` whether the window was used, without which it must not
        grow.
        """
        if now - self._looked_at >= max(SILENCE, QUIET_TRIPS * rtt):
            self._next_slowdown = max(self._next_slowdown, now + LEAST_BETWEEN)
        trips = self._take_in(now, rtt, least, mss, acked)
        over = (self._latest(now) - self._base.least) / self.target
        if lost or over > CLEAR:
            self._crowded_at = now
        if lost:
            self._halve(now)
        elif now >= self._quiet_until:
            if self._packets < self._threshold:
                self._slow_start(now, over, min(self.gain * trips, 1.0) if full else 0.0)
            else:
                self._avoid(now, over, trips, full)
        if now >= self._next_slowdown:
            self._slow_down(now)

    def _take_in(self, now: float, rtt: float, least: float, mss: int, acked: int) -> float:
        """Note what was seen; return for how many round trips' growth it stands.

        Between two looks a short path has many of them, in which it would have carried as much again.
        """
        self._recent.append((now, rtt))
        self._base.note(now, min(rtt, least))
        passed = max((now - self._looked_at) / max(rtt, 1e-6), 1.0)
        self._rtt, self._mss, self._looked_at = rtt, mss, now
        return min(acked / mss / self._packets, 1.0) * passed

    def _latest(self, now: float) -> float:
        since = now - max(LOOKS * self._rtt, LEAST_LOOKING)
        return min(rtt for when, rtt in self._recent if when >= since)

    def _halve(self, now: float) -> None:
        """Answer loss, once in a round trip."""
        if now - self._cut_at >= self._rtt and now >= self._quiet_until:
            self._cut_at = now
            self._packets = max(self._packets / 2, FLOOR)
            self._leave_slow_start(now, self._packets)

    def _slow_start(self, now: float, over: float, growth: float) -> None:
        first = self._threshold == math.inf
        if over > (LEAVE if first else 1.0):
            self._leave_slow_start(now, self._packets)
            return
        self._set(min(self._packets * (1 + growth), self._threshold))
        if self._packets >= self._threshold:
            self._leave_slow_start(now, self._threshold)

    def _leave_slow_start(self, now: float, threshold: float) -> None:
        """Go on from ``threshold``; the first slowdown follows soon, others by how long the last one took."""
        if self._slowdown_began is not None:
            self._next_slowdown = now + max(BETWEEN * (now - self._slowdown_began), LEAST_BETWEEN)
            self._slowdown_began = None
        elif self._threshold == math.inf:
            self._next_slowdown = now + QUIET_TRIPS * self._rtt
        self._threshold = threshold

    def _avoid(self, now: float, over: float, trips: float, full: bool) -> None:
        """Grow by the gain in each round trip; above the target shrink in proportion, by half at most."""
        if over > 1:
            shrink = min(self._packets * (over - 1) - self.gain, self._packets / 2)
            self._set(self._packets - shrink * min(trips, 1.0))
        elif full and now - self._crowded_at >= max(CLEAR_TRIPS * self._rtt, LEAST_CLEAR):
            self._set(self._packets + max(self._packets / CLEAR_TRIPS, self.gain) * min(trips, CLEAR_TRIPS))
        elif full:
            self._set(self._packets + min(self.gain * trips, 1.0))
        self._threshold = min(self._threshold, self._packets)

    def _set(self, packets: float) -> None:
        self._packets = min(max(packets, FLOOR), max(MOST / self._mss, QUIET))

    def _slow_down(self, now: float) -> None:
        """Let the queue run empty, so that the path's own delay shows."""
        self._slowdown_began = now
        self._next_slowdown = math.inf
        self._quiet_until = now + QUIET_TRIPS * self._rtt
        self._threshold = self._packets
        self._packets = min(self._packets, QUIET)
        if self._packets >= self._threshold:
            self._leave_slow_start(now, self._threshold)
