"""What a coordinator remembers: who is in which swarm, and what has been published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from doctl.coordination.matching import Member

REMEMBERED: Final = 2
"""A member is forgotten after so many intervals without a join: one may be late, or lost on the way."""


@dataclass(frozen=True, slots=True)
class Publication:
    """Content that may be fetched with peers: the content id, which is made of its HashOfHashes, and its URL."""

    content_id: str
    url: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is remembered."""

    members: int
    publications: int


class Store(Protocol):
    """Remembers for one coordinator or for many. ``swarm`` is any short text.

    Whatever is asked while the store cannot be reached raises NetworkError; what was asked may then have been done or
    not, and asking again does no harm.
    """

    async def join(self, swarm: str, member: Member, count: int) -> list[list[Member]]:
        """Remember ``member`` in place of what it was, and look into its pools."""
        ...

    async def leave(self, swarm: str, member: Member) -> None:
        """Forget ``member``; no harm if it is not known."""
        ...

    async def look(self, swarm: str, pools: Sequence[str], count: int) -> list[list[Member]]:
        """Return at most ``count`` members of each pool by chance; pools after one that has so many are left out."""
        ...

    async def publish(self, publication: Publication, hash_file: bytes) -> None:
        """Remember content by its id and its URL, with its hash file; what is remembered already stays."""
        ...

    async def published(self, content_id: str, url: str) -> Publication | None:
        """Return content by id, else by URL."""
        ...

    async def hash_file(self, content_id: str) -> bytes | None:
        """Return the hash file of content."""
        ...

    async def counts(self) -> Counts:
        """Return how much is remembered."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
