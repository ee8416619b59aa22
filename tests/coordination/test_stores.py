"""What coordinators remember, in memory and in a real Redis: the same for both, and what only Redis must stand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from doctl.coordination import store_memory
from doctl.coordination.matching import EVERY, OF_A_MACHINE, Member
from doctl.coordination.store import Counts, Publication, Store
from doctl.coordination.store_memory import MemoryStore
from doctl.coordination.store_redis import RedisStore
from doctl.errors import NetworkError, UsageError
from doctl.settings import DownloadMode
from tests.coordination.members import member
from tests.servers.redis import Redis, redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Run a Redis for the whole module."""
    with redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@contextlib.asynccontextmanager
async def remembering(where: Redis | None, lifetime: float = 60.0) -> AsyncIterator[Store]:
    """Give an empty store, in Redis or in memory, whose time is real."""
    store: Store = RedisStore(where.url, lifetime) if where else MemoryStore(asyncio.get_running_loop().time, lifetime)
    try:
        if isinstance(store, RedisStore):
            await store._redis.flushall()
        yield store
    finally:
        await store.close()


@pytest.fixture(params=["memory", "redis"])
def where(request: pytest.FixtureRequest) -> Redis | None:
    """Be each kind of store in turn."""
    return request.getfixturevalue("server") if request.param == "redis" else None


def names(pools: list[list[Member]]) -> set[str]:
    """Return the keys of all found."""
    return {found.key for pool in pools for found in pool}


def test_members_find_each_other(where: Redis | None) -> None:
    """Who joins a swarm is found there by who joins next, as it was, and not in another swarm."""

    async def run() -> None:
        async with remembering(where) as store:
            one, two = member(1, "10.0.0.1", reported="10.0.0.1/24"), member(2, "10.0.0.2", DownloadMode.INTERNET)
            await store.join("swarm", one, 10)
            found = await store.join("swarm", two, 10)
            assert one in found[0]
            assert names(await store.join("other", one, 10)) == {one.key}
            assert await store.counts() == Counts(3, 0)

    asyncio.run(run())


def test_joining_again_doubles_nobody(where: Redis | None) -> None:
    """A member that joins again is there once, and with what it said last."""

    async def run() -> None:
        async with remembering(where) as store:
            for port in (1, 2, 3):
                [found] = await store.join("swarm", member(1, "10.0.0.1", port=port), 10)
            assert found == [member(1, "10.0.0.1", port=3)]
            assert await store.look("swarm", [EVERY], 10) == [found]
            assert await store.counts() == Counts(1, 0)

    asyncio.run(run())


def test_a_changed_mode_leaves_its_pools(where: Redis | None) -> None:
    """Who goes from Internet to LAN mode is not given to the Internet any more."""

    async def run() -> None:
        async with remembering(where) as store:
            await store.join("swarm", member(1, "203.0.113.1", DownloadMode.INTERNET), 10)
            await store.join("swarm", member(1, "203.0.113.1", DownloadMode.LAN), 10)
            far = member(2, "198.51.100.1", DownloadMode.INTERNET)
            assert names(await store.join("swarm", far, 10)) == {far.key}

    asyncio.run(run())


def test_goodbye(where: Redis | None) -> None:
    """Who leaves is not found any more; leaving twice does no harm."""

    async def run() -> None:
        async with remembering(where) as store:
            one, two = member(1, "10.0.0.1"), member(2, "10.0.0.2")
            await store.join("swarm", one, 10)
            await store.leave("swarm", one)
            await store.leave("swarm", one)
            assert names(await store.join("swarm", two, 10)) == {two.key}
            assert await store.counts() == Counts(1, 0)

    asyncio.run(run())


def test_who_does_not_come_back_is_forgotten(where: Redis | None) -> None:
    """After its lifetime without a join a member is gone, and one that joined again meanwhile is not."""

    async def run() -> None:
        async with remembering(where, lifetime=0.4) as store:
            one, two = member(1, "10.0.0.1"), member(2, "10.0.0.2")
            await store.join("swarm", one, 10)
            async with asyncio.timeout(30):
                while one.key in names(await store.join("swarm", two, 10)):  # noqa: ASYNC110 - Redis tells nobody
                    await asyncio.sleep(0.05)
            assert names(await store.look("swarm", [EVERY], 10)) == {two.key}
            assert await store.counts() == Counts(1, 0)

    asyncio.run(run())


def test_nothing_stays_behind_in_redis(server: Redis) -> None:
    """Every key of a swarm ends by itself, without any coordinator."""

    async def run() -> None:
        async with remembering(server, lifetime=0.3) as store:
            assert isinstance(store, RedisStore)
            await store.join("swarm", member(1, "10.0.0.1", DownloadMode.INTERNET, "10.0.0.1/24"), 10)
            assert await store._redis.dbsize() > 0
            async with asyncio.timeout(30):
                while await store._redis.dbsize():  # noqa: ASYNC110 - Redis tells nobody
                    await asyncio.sleep(0.05)

    asyncio.run(run())


def test_an_address_has_its_share(where: Redis | None) -> None:
    """One address beyond its share loses its own oldest member, and nobody else does."""

    async def run() -> None:
        async with remembering(where) as store:
            other = member(9999, "10.0.0.2")
            await store.join("swarm", other, 0)
            for number in range(OF_A_MACHINE + 5):
                await store.join("swarm", member(number, "10.0.0.1", port=1 + number), 0)
            found = names(await store.look("swarm", [EVERY], 200))
            assert len(found) == OF_A_MACHINE + 1
            assert other.key in found
            assert member(0, "10.0.0.1").key not in found
            assert (await store.counts()).members == OF_A_MACHINE + 1

    asyncio.run(run())


def test_only_so_many_are_given(where: Redis | None) -> None:
    """Looking gives as many of a pool as asked for, different ones, and no more."""

    async def run() -> None:
        async with remembering(where) as store:
            for number in range(1, 60):
                await store.join("swarm", member(number, f"10.0.0.{number}"), 0)
            [found] = await store.look("swarm", [EVERY], 20)
            assert len({each.key for each in found}) == len(found) == 20

    asyncio.run(run())


def test_everybody_is_given_in_time(where: Redis | None) -> None:
    """Looking again and again for a few gives everybody sooner or later, the first and the last to join too."""

    async def run() -> None:
        async with remembering(where) as store, asyncio.timeout(30):
            everybody = [member(number, f"10.0.0.{number}") for number in range(1, 41)]
            for each in everybody:
                await store.join("swarm", each, 0)
            missing = {each.key for each in everybody}
            while missing:
                missing -= names(await store.look("swarm", [EVERY], 5))

    asyncio.run(run())


def test_who_is_beyond_a_share_is_given_to_nobody(where: Redis | None) -> None:
    """What an address lost to its share is in no pool any more, not in one that those who came later are not in."""

    async def run() -> None:
        async with remembering(where) as store:
            await store.join("swarm", member(0, "10.0.0.1", DownloadMode.INTERNET), 0)
            for number in range(1, OF_A_MACHINE + 1):
                await store.join("swarm", member(number, "10.0.0.1", DownloadMode.LAN, port=1 + number), 0)
            far = member(99, "198.51.100.1", DownloadMode.INTERNET)
            assert names(await store.join("swarm", far, 10)) == {far.key}

    asyncio.run(run())


def test_publications(where: Redis | None) -> None:
    """Content is found by its id and by its URL, with its hash file; what was not published is not."""

    async def run() -> None:
        async with remembering(where) as store:
            one = Publication("DO-one", "http://content.example/one")
            await store.publish(one, b"hashes")
            mirror = Publication("DO-one", "http://mirror.example/one")
            await store.publish(mirror, b"hashes")
            assert await store.published("DO-one", "") == mirror
            assert await store.published("-", one.url) == one
            assert await store.published("-", "http://content.example/other") is None
            assert await store.hash_file("DO-one") == b"hashes"
            assert await store.hash_file("DO-other") is None
            assert (await store.counts()).publications == 1

    asyncio.run(run())


def test_memory_is_bounded() -> None:
    """In a full store whoever joined longest ago makes room."""

    async def run() -> None:
        store = MemoryStore(lambda: 0.0, 60.0, most=10)
        for number in range(1, 31):
            await store.join(f"swarm {number}", member(number, f"10.0.0.{number}"), 0)
        assert (await store.counts()).members <= 10
        assert names(await store.look("swarm 30", [EVERY], 1)) == {member(30, "10.0.0.30").key}
        for number in range(store_memory.MOST_PUBLICATIONS + 1):
            await store.publish(Publication(str(number), f"http://c.example/{number}"), b"")
        assert await store.published("0", "http://c.example/0") is None
        assert (await store.counts()).publications == store_memory.MOST_PUBLICATIONS

    asyncio.run(run())


def test_two_coordinators_at_once(server: Redis) -> None:
    """Of joins that two coordinators take for one swarm at the same time none is lost and none doubled."""

    async def run() -> None:
        async with remembering(server) as one, remembering(server) as two:
            members = [member(n, f"10.0.{n // 200}.{n % 200 + 1}") for n in range(400)]
            async with asyncio.TaskGroup() as tasks:
                for index, each in enumerate(members):
                    for store in (one, two) if index % 2 else (two, one):  # every one joins through both
                        tasks.create_task(store.join("swarm", each, 5))
            for store in (one, two):
                [found] = await store.look("swarm", [EVERY], 1000)
                assert sorted(each.key for each in found) == sorted(each.key for each in members)
                assert (await store.counts()).members == 400

    asyncio.run(run())


def test_redis_goes_away_and_comes_back(tmp_path: Path) -> None:
    """While Redis is away every request says so at once; when it is back, empty, joins work again."""

    async def run() -> None:
        with redis(tmp_path) as server:
            async with remembering(server) as store:
                await store.join("swarm", member(1, "10.0.0.1"), 10)
                server.stop()
                for asked in (store.join("swarm", member(1, "10.0.0.1"), 1), store.counts(), store.hash_file("x")):
                    with pytest.raises(NetworkError, match="Redis does not answer"):
                        await asked
                server.start()
                assert names(await store.join("swarm", member(2, "10.0.0.2"), 10)) == {member(2, "10.0.0.2").key}

    asyncio.run(run())


@pytest.mark.parametrize("url", ["redis://host:port", "http://host", "redis://h/0?x=y&max_connections=no"])
def test_wrong_urls(url: str) -> None:
    """What is no URL of a Redis is wrong use."""
    with pytest.raises(UsageError, match="--store"):
        RedisStore(url, 1.0)
