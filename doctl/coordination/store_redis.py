"""Remembers in Redis, for any number of coordinators that each may end at any time.

What a join does is one script, so that two coordinators lose and double nobody. Every key of a swarm expires by itself.
Needs Redis 6.2 or newer.
"""

import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Final, cast

from doctl.coordination.matching import EVERY, Member, pools_of
from doctl.coordination.redis_script import Script
from doctl.coordination.store import Counts, Publication
from doctl.errors import MissingExtraError, NetworkError, UsageError
from doctl.printable import printable
from doctl.settings import DownloadMode

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX: Final = "doctl:"
EVERYBODY: Final = f"{PREFIX}members"
CONNECTIONS: Final = 32
PATIENCE: Final = 3.0
"""Seconds that Redis may take to be connected to, or to answer."""
_BETWEEN: Final = "\x1f"
_MODES: Final = {str(mode.value): mode for mode in DownloadMode}


class RedisStore:
    """A Store. ``url`` is ``redis://``, ``rediss://`` or ``unix://``; ``lifetime`` is in seconds as of MemoryStore."""

    def __init__(self, url: str, lifetime: float) -> None:
        self._redis = _client(url)
        self._lifetime = str(max(1, round(lifetime * 1000)))
        self._chance = random.Random()  # noqa: S311 - spreads load, keeps no secret
        text = resources.files("doctl.coordination").joinpath("store_redis.lua").read_text("utf-8")
        self._script = Script(self._redis, text)

    async def join(self, swarm: str, member: Member, count: int) -> list[list[Member]]:
        """Remember ``member`` and look."""
        pools = pools_of(member)
        who = (member.share, member.owner, member.key, _record(member))
        out, found = await self._run(swarm, count, who, pools)
        for record in out:
            await self._take_out(swarm, record, set(pools_of(_member(record))).difference(pools))
        return found

    async def leave(self, swarm: str, member: Member) -> None:
        """Forget ``member``."""
        async with _answering():
            prefix = _prefix(swarm)
            record = cast("bytes | None", await self._redis.get(f"{prefix}m {member.key}"))
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(f"{prefix}m {member.key}")
                pipe.zrem(f"{prefix}o {member.owner}", member.key)
                pipe.zrem(EVERYBODY, f"{prefix}{member.key}")
                await pipe.execute()
        if record is not None:
            await self._take_out(swarm, record, {EVERY, *pools_of(_member(record))})

    async def look(self, swarm: str, pools: Sequence[str], count: int) -> list[list[Member]]:
        """Return members of each pool."""
        _, found = await self._run(swarm, count, (0, "", "", ""), pools)
        return found

    async def publish(self, publication: Publication, hash_file: bytes) -> None:
        """Remember content until Redis is emptied."""
        async with _answering(), self._redis.pipeline(transaction=True) as pipe:
            pipe.set(_content_key("url", publication.url), publication.content_id)
            pipe.set(_content_key("id", publication.content_id), publication.url)
            pipe.set(_content_key("phf", publication.content_id), hash_file)
            pipe.sadd(f"{PREFIX}contents", publication.content_id)
            await pipe.execute()

    async def published(self, content_id: str, url: str) -> Publication | None:
        """Return content by id, else by URL."""
        async with _answering():
            if by_id := await self._redis.get(_content_key("id", content_id)):
                return Publication(content_id, _text(by_id))
            by_url = await self._redis.get(_content_key("url", url))
            return Publication(_text(by_url), url) if by_url else None

    async def hash_file(self, content_id: str) -> bytes | None:
        """Return the hash file of content."""
        async with _answering():
            return cast("bytes | None", await self._redis.get(_content_key("phf", content_id)))

    async def counts(self) -> Counts:
        """Return how much all coordinators together remember."""
        async with _answering():
            seconds, microseconds = await self._redis.time()
            now = seconds * 1000 + microseconds // 1000
            members = await self._redis.zcount(EVERYBODY, now, "+inf")
            return Counts(members, await self._redis.scard(f"{PREFIX}contents"))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _run(
        self, swarm: str, count: int, who: tuple[int, str, str, str], pools: Sequence[str]
    ) -> tuple[list[bytes], list[list[Member]]]:
        """Run the script; ``who`` has the owner's share, the owner, the member's key and its record."""
        async with _answering():
            out, found = await self._script(
                _prefix(swarm), EVERYBODY, self._lifetime, count, self._chance.random(), *who, *pools
            )
        return out, [[_member(record) for record in pool] for pool in found]

    async def _take_out(self, swarm: str, record: bytes, pools: set[str]) -> None:
        """Take the record of a member that left or changed out of ``pools``."""
        async with _answering(), self._redis.pipeline(transaction=False) as pipe:
            for pool in pools:
                pipe.zrem(f"{_prefix(swarm)}p {pool}", record)
            await pipe.execute()


def _client(url: str) -> "Redis":
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError(
            "a store in Redis needs the coordinator extra: pip install 'doctl-toolkit[coordinator]'"
        ) from None
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=PATIENCE,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 1),  # a connection that Redis closed is made again at once, then it is said
        )
        return Redis.from_pool(pool)
    except ValueError as error:
        raise UsageError(f"--store {printable(url, 80)}: {printable(str(error), 120)}") from None


@contextlib.asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Turn whatever says that Redis does not answer into NetworkError."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise NetworkError(f"Redis does not answer: {printable(str(error), 200)}") from error


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _prefix(swarm: str) -> str:
    return f"{PREFIX}{{{swarm}}} "


def _content_key(what: str, name: str) -> str:
    return f"{PREFIX}{what}:{hashlib.sha256(name.encode()).hexdigest()}"


def _record(member: Member) -> str:
    *texts, head = (field for field in member if isinstance(field, str))
    return _BETWEEN.join((*texts, str(member.mode.value), "1" if member.strict else "", head))


def _member(record: bytes) -> Member:
    key, owner, machine, endpoint, lan, subnet, group, mode, strict, head = record.decode().split(_BETWEEN)
    return Member(key, owner, machine, endpoint, lan, subnet, group, _MODES[mode], bool(strict), head)
