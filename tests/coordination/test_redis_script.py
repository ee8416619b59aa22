"""Calls of a script that go to a real Redis together: each gets its own answer, or its own error."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis as Client
from redis.exceptions import RedisError, ResponseError

from doctl.coordination.redis_script import MOST, Script
from tests.servers.redis import Redis, redis

TEXT = """
if ARGV[1] == 'wrong' then return redis.error_reply('ERR wrong') end
redis.call('INCR', KEYS[1])
return {KEYS[2], ARGV[1]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Run a Redis for the whole module."""
    with redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@asynccontextmanager
async def script(server: Redis) -> AsyncIterator[tuple[Script, Client]]:
    """Give a script on an empty Redis, and the client that it uses."""
    async with Client.from_url(server.url) as client:
        await client.flushall()
        yield Script(client, TEXT), client


def test_each_call_gets_its_own_answer(server: Redis) -> None:
    """However many call at once, each hears what came of its own call, and each call is made once."""

    async def run() -> None:
        async with script(server) as (call, client), asyncio.timeout(20):
            answers = await asyncio.gather(*(call("count", f"key {n}", n) for n in range(3 * MOST)))
            assert answers == [[f"key {n}".encode(), str(n).encode()] for n in range(3 * MOST)]
            assert int(await client.get("count") or 0) == 3 * MOST

    asyncio.run(run())


def test_one_call_that_fails_is_one_error(server: Redis) -> None:
    """What the script refuses to one is an error to that one, and not to those whose calls went with it."""

    async def run() -> None:
        async with script(server) as (call, _client), asyncio.timeout(20):
            calls = [call("count", name, what) for name, what in (("a", "1"), ("b", "wrong"), ("c", "3"))]
            first, second, third = await asyncio.gather(*calls, return_exceptions=True)
            assert (first, third) == ([b"a", b"1"], [b"c", b"3"])
            assert isinstance(second, ResponseError)

    asyncio.run(run())


def test_a_redis_that_was_emptied_is_given_the_script_again(server: Redis) -> None:
    """A Redis that does not know the script any more, as after a restart, is no error to anybody."""

    async def run() -> None:
        async with script(server) as (call, client), asyncio.timeout(20):
            await call("count", "a", "1")
            await client.script_flush()
            answers = await asyncio.gather(*(call("count", name, "2") for name in ("b", "c")))
            assert answers == [[b"b", b"2"], [b"c", b"2"]]

    asyncio.run(run())


def test_who_stops_waiting_disturbs_nobody(server: Redis) -> None:
    """A caller that is cancelled while its call is under way leaves the others their answers."""

    async def run() -> None:
        async with script(server) as (call, _client), asyncio.timeout(20):
            gone = asyncio.create_task(call("count", "a", "1"))
            stays = asyncio.create_task(call("count", "b", "2"))
            await asyncio.sleep(0)
            gone.cancel()
            assert await stays == [b"b", b"2"]
            assert await call("count", "c", "3") == [b"c", b"3"]

    asyncio.run(run())


def test_nobody_waits_for_a_redis_that_is_gone(server: Redis) -> None:
    """Without Redis every caller hears so, and when it is back the next one gets an answer."""

    async def run() -> None:
        async with script(server) as (call, _client), asyncio.timeout(20):
            server.stop()
            heard = await asyncio.gather(*(call("count", "a", n) for n in range(5)), return_exceptions=True)
            assert all(isinstance(each, RedisError) for each in heard)
            server.start()
            assert await call("count", "b", "2") == [b"b", b"2"]

    asyncio.run(run())
