"""What a source may ask of the engine, and what the engine asks of a source."""

import enum
from collections.abc import Iterable
from typing import Protocol

from doctl.errors import DoctlError
from doctl.transfer.content import Content


class Kind(enum.StrEnum):
    """Which column of the ledger a source's bytes go to."""

    HTTP = "http"
    CACHE = "cache"
    LAN = "lan"
    GROUP = "group"
    INTERNET = "internet"


class Source(Protocol):
    """One place pieces come from: an origin, a cache server, one peer."""

    @property
    def name(self) -> str:
        """What to call it: a host for HTTP, ``HOST:PORT`` for a peer."""
        ...

    @property
    def kind(self) -> Kind:
        """Where its bytes are booked."""
        ...

    async def run(self, desk: "Desk") -> None:
        """Fetch pieces until there are none left to fetch, or until cancelled.

        Returning early means that this source can do no more; raising a DoctlError says why. Either way the engine
        gives what it had taken to others.
        """
        ...

    def judged(self, good: bool) -> None:
        """Hear whether a delivered piece had the right hash."""
        ...


class Desk(Protocol):
    """The engine's counter: sources take pieces here and hand them in. One event loop; nothing here blocks."""

    @property
    def content(self) -> Content:
        """What is being fetched."""
        ...

    @property
    def gentle(self) -> bool:
        """Whether to fetch with no more than what nobody else wants."""
        ...

    def take_run(self, source: Source, most: int) -> range:
        """Take up to ``most`` adjacent pieces for a source that has everything (HTTP); empty: none just now."""
        ...

    def take(self, source: Source, most: int) -> list[int]:
        """Take up to ``most`` pieces that ``source`` has (a peer), rarest first; empty: none just now."""
        ...

    def take_rest(self, source: Source) -> list[int]:
        """Take everything that is wanted, for a source that gives the whole file in one stream."""
        ...

    def meet(self, source: Source, peer_id: bytes) -> None:
        """Note that the peer ``source`` is there, and who it is."""
        ...

    def has(self, source: Source, pieces: int) -> None:
        """Note that ``source`` has ``pieces``: bit i set means piece i. Adds to what it had."""
        ...

    def forget(self, source: Source) -> None:
        """Note that the peer ``source`` has nothing any more: its connection is gone."""
        ...

    def useful(self, source: Source) -> bool:
        """Whether ``source`` has any piece that is not done."""
        ...

    def offers(self, source: Source) -> bool:
        """Whether ``take`` would give ``source`` anything now."""
        ...

    def still_wanted(self, piece: int) -> bool:
        """Whether to go on with a piece that was taken: nobody else has brought it meanwhile."""
        ...

    async def changed(self) -> None:
        """Wait until asking again may give something else. Call it right after an empty answer."""
        ...

    async def buffer(self) -> memoryview:
        """Wait for memory and return a writable buffer of at least one whole piece; it is the caller's now."""
        ...

    def discard(self, buffer: memoryview) -> None:
        """Give back a buffer that is not needed after all."""
        ...

    def deliver(self, source: Source, piece: int, buffer: memoryview) -> None:
        """Hand in a whole piece: the first ``content.size_of(piece)`` bytes of ``buffer``, which is the engine's again.

        Checking and writing happen in the background; ``source.judged`` tells how it ended.
        """
        ...

    def give_back(self, source: Source, pieces: Iterable[int]) -> None:
        """Return pieces that were taken and will not be delivered; others may take them."""
        ...

    def trouble(self, error: DoctlError) -> None:
        """Tell of an error that a source means to get over; the administrator wants to know of it at once."""
        ...

    def tell_manners(self, means: str) -> None:
        """Say by what means a gentle source gives way to everything else."""
        ...

    def waste(self, count: int) -> None:
        """Book ``count`` bytes that came although nobody wanted them any more."""
        ...

    async def may_receive(self, source: Source, count: int) -> None:
        """Wait until ``count`` more bytes may come in from ``source`` under the bandwidth limits."""
        ...
