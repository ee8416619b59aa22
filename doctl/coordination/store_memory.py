"""Remembers in this process: for one coordinator, until it ends."""

import random
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from doctl.coordination.matching import EVERY, Member, pools_of
from doctl.coordination.store import Counts, Publication

MOST_MEMBERS: Final = 500_000
"""In all swarms together, about 500 MB; beyond that whoever joined longest ago is forgotten."""
MOST_PUBLICATIONS: Final = 10_000
_Place = tuple[str, str]
_Value = TypeVar("_Value")


@dataclass(slots=True)
class _Pool:
    """Members in no order, any of which is found, added and removed at once however many there are."""

    members: list[Member] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def add(self, member: Member) -> None:
        self.places[member.key] = len(self.members)
        self.members.append(member)

    def remove(self, key: str) -> None:
        place, last = self.places.pop(key), self.members.pop()
        if place < len(self.members):
            self.members[place] = last
            self.places[last.key] = place

    def some(self, count: int, chance: random.Random) -> list[Member]:
        """Return ``count`` neighbours from a place by chance: everybody comes as often as everybody else."""
        start = chance.randrange(len(self.members))
        found = self.members[start : start + count]
        return found + self.members[: min(start, count - len(found))]


class MemoryStore:
    """A Store. ``now`` is a clock in seconds, ``lifetime`` how long a member is remembered after a join."""

    def __init__(self, now: Callable[[], float], lifetime: float, most: int = MOST_MEMBERS) -> None:
        self._now = now
        self._lifetime = lifetime
        self._most = most
        self._members: OrderedDict[_Place, tuple[float, Member]] = OrderedDict()  # who joined longest ago comes first
        self._pools: defaultdict[_Place, _Pool] = defaultdict(_Pool)
        self._owners: defaultdict[_Place, dict[str, None]] = defaultdict(dict)
        self._by_id: dict[str, Publication] = {}
        self._by_url: dict[str, Publication] = {}
        self._hash_files: dict[str, bytes] = {}
        self._chance = random.Random()  # noqa: S311 - spreads load, keeps no secret

    async def join(self, swarm: str, member: Member, count: int) -> list[list[Member]]:
        """Remember ``member`` and look."""
        self._forget(swarm, member.key)
        self._expire()
        pools = pools_of(member)
        self._members[swarm, member.key] = (self._now(), member)
        owned = self._owners[swarm, member.owner]
        owned[member.key] = None
        for pool in (*pools, EVERY):
            self._pools[swarm, pool].add(member)
        if len(owned) > member.share:
            self._forget(swarm, next(iter(owned)))
        return self._look(swarm, pools, count)

    async def leave(self, swarm: str, member: Member) -> None:
        """Forget ``member``."""
        self._forget(swarm, member.key)

    async def look(self, swarm: str, pools: Sequence[str], count: int) -> list[list[Member]]:
        """Return members of each pool."""
        self._expire()
        return self._look(swarm, pools, count)

    async def publish(self, publication: Publication, hash_file: bytes) -> None:
        """Remember content; what was published longest ago makes room."""
        _put(self._hash_files, publication.content_id, hash_file)
        _put(self._by_id, publication.content_id, publication)
        _put(self._by_url, publication.url, publication)

    async def published(self, content_id: str, url: str) -> Publication | None:
        """Return content by id, else by URL."""
        return self._by_id.get(content_id) or self._by_url.get(url)

    async def hash_file(self, content_id: str) -> bytes | None:
        """Return the hash file of content."""
        return self._hash_files.get(content_id)

    async def counts(self) -> Counts:
        """Return how much is remembered."""
        self._expire()
        return Counts(len(self._members), len(self._by_id))

    async def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _look(self, swarm: str, pools: Sequence[str], count: int) -> list[list[Member]]:
        found: list[list[Member]] = []
        for name in pools:
            if (pool := self._pools.get((swarm, name))) is not None:
                found.append(pool.some(count, self._chance))
                if len(found[-1]) >= count:
                    break
        return found

    def _expire(self) -> None:
        oldest = self._now() - self._lifetime
        while self._members:
            place, (joined, _) = next(iter(self._members.items()))
            if joined > oldest and len(self._members) < self._most:
                break
            self._forget(*place)

    def _forget(self, swarm: str, key: str) -> None:
        _, member = self._members.pop((swarm, key), (0.0, None))
        if member is None:
            return
        for name in (*pools_of(member), EVERY):
            pool = self._pools[swarm, name]
            pool.remove(key)
            if not pool.members:
                del self._pools[swarm, name]
        owned = self._owners[swarm, member.owner]
        del owned[key]
        if not owned:
            del self._owners[swarm, member.owner]


def _put(places: dict[str, _Value], name: str, value: _Value) -> None:
    """Put ``value`` last, and take out the first where there are too many."""
    places.pop(name, None)
    places[name] = value
    if len(places) > MOST_PUBLICATIONS:
        del places[next(iter(places))]
