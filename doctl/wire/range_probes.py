"""What to ask of a file over HTTP to learn whether byte ranges come through whole, and what came back."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from doctl.wire.ranges import byte_range

PART: Final = 256 * 1024
"""Bytes of each of the two adjacent ranges, in a file large enough: a quarter of a usual piece."""
SMALL: Final = 16 * 1024
SMALLEST_FILE: Final = 64
STALE: Final = '"doctl-asks-for-a-version-that-never-was"'
"""An entity tag for If-Range that no file has."""


class Kind(enum.Enum):
    """What the right answer to a question is."""

    HEAD = enum.auto()
    """200 without a body."""
    PART = enum.auto()
    """206 with the range that was asked for."""
    SAME = enum.auto()
    """206 again, since If-Range has the version that is there."""
    CHANGED = enum.auto()
    """200 with the whole, since If-Range has another version."""
    PAST = enum.auto()
    """416, since the range begins behind the end."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: bytes ``first`` to ``last``, both included. ``name`` says in a message which one it was."""

    name: str
    kind: Kind
    first: int = 0
    last: int = 0
    if_range: str | None = None

    @property
    def size(self) -> int:
        """How many bytes are asked for."""
        return 0 if self.kind is Kind.HEAD else self.last - self.first + 1

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        if self.kind is Kind.HEAD:
            return {}
        condition = {"If-Range": self.if_range} if self.if_range else {}
        return {"Range": byte_range(self.first, self.last), **condition}


class End(enum.Enum):
    """How an answer ended."""

    COMPLETE = enum.auto()
    """As its header said."""
    MORE = enum.auto()
    """It went on past what was asked for, and was not read further."""
    CLOSED = enum.auto()
    """The connection ended before the answer did."""
    SILENT = enum.auto()
    """Nothing more came for a while, and then the time was up."""
    LATE = enum.auto()
    """Bytes were still coming when the time was up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``status`` 0 where no usable answer did, which ``error`` then tells.

    ``headers`` have names in lower case; ``body`` has at most one byte more than was asked for.
    """

    ask: Ask
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    end: End = End.COMPLETE
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether it is a range of exactly the size that was asked for."""
        return self.status == 206 and self.end is End.COMPLETE and len(self.body) == self.ask.size


FIRST: Final = (Ask("HEAD", Kind.HEAD), Ask("the first byte", Kind.PART, 0, 0))
"""What is asked before anything is known of the file."""


def one_by_one(total: int, validator: str | None) -> Sequence[Ask]:
    """Return what is asked next, one after the other, of a file of ``total`` bytes; ``validator`` is for If-Range."""
    size, start = _pair(total)
    asks = [
        Ask("a range", Kind.PART, start, start + size - 1),
        Ask("the range after it", Kind.PART, start + size, start + 2 * size - 1),
        Ask("the last bytes", Kind.PART, total - _small(total), total - 1),
        Ask("a range past the end", Kind.PAST, total, total + _small(total) - 1),
        Ask("If-Range with another version", Kind.CHANGED, 1, _small(total), STALE),
    ]
    if validator:
        asks.append(Ask("If-Range with this version", Kind.SAME, 1, _small(total), validator))
    return asks


def at_once(total: int) -> Sequence[Ask]:
    """Return what is asked at once in the end; the first lies over the seam of the two adjacent ranges."""
    size, start = _pair(total)
    small = _small(total)
    places = (start + size - small // 2, 0, total // 2, total - 2 * small)
    return [
        Ask(f"range {n} of several at once", Kind.PART, place, place + small - 1) for n, place in enumerate(places, 1)
    ]


def _pair(total: int) -> tuple[int, int]:
    """Return the size and the start of the two adjacent ranges."""
    size = min(PART, total // 4)
    return size, total // 4


def _small(total: int) -> int:
    return min(SMALL, total // 8)
