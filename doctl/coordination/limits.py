"""Bounds for clients that are hostile or out of order: joins a minute, and one line in the log for each."""

from collections import Counter
from collections.abc import Callable
from typing import Final

JOINS: Final = 600
"""Joins a minute of one IPv4 address or IPv6 /64: enough for 9,000 machines behind one that join every 15 minutes."""
MOST_CALLERS: Final = 200_000
MOST_SAID: Final = 10_000
MINUTE: Final = 60.0


class JoinLimit:
    """Counts joins of each owner in whole minutes; ``now`` is a clock in seconds."""

    def __init__(self, now: Callable[[], float], joins: int = JOINS) -> None:
        self._now = now
        self._joins = joins
        self._minute = now()
        self._counts: Counter[str] = Counter()

    def admits(self, owner: str) -> bool:
        """Count a join, and say whether it is one too many."""
        if self._now() - self._minute >= MINUTE:
            self._minute = self._now()
            self._counts.clear()
        if len(self._counts) >= MOST_CALLERS and owner not in self._counts:
            return False
        self._counts[owner] += 1
        return self._counts[owner] <= self._joins


class SaidOnce:
    """Says a line the first time that its topic comes up, and keeps only so many topics."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._topics: set[tuple[str, str]] = set()

    def __call__(self, owner: str, reason: str, line: str) -> None:
        """Say ``line`` unless something was said about ``owner`` for that ``reason``."""
        if (owner, reason) not in self._topics and len(self._topics) < MOST_SAID:
            self._topics.add((owner, reason))
            self._say(line)
