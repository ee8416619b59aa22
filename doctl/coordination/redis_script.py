"""A script in Redis that many tasks call: what is asked while Redis is busy goes to it together."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from redis.asyncio import Redis

MOST: Final = 64
"""Calls that go together at most, so that an answer is of some megabytes at most."""

Argument = str | bytes | int | float
_Call = tuple[Sequence[Argument], "asyncio.Future[Any]"]


class Script:
    """Runs ``text``, whose first two arguments are keys.

    One call at a time costs as much in the client as all else that a join needs; together with thirty others, a third.
    """

    def __init__(self, redis: "Redis", text: str) -> None:
        self._redis = redis
        self._text = text
        self._digest = redis.register_script(text).sha
        self._waiting: list[_Call] = []
        self._sending: asyncio.Task[None] | None = None

    async def __call__(self, *arguments: Argument) -> Any:
        """Return what the script gives; raises what redis-py does."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((arguments, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await answer

    async def _send(self) -> None:
        try:
            while self._waiting:
                calls = self._waiting[:MOST]
                del self._waiting[:MOST]
                for (_, answer), given in zip(calls, await self._answers(calls), strict=True):
                    _settle(answer, given)
        finally:
            self._sending = None

    async def _answers(self, calls: Sequence[_Call]) -> list[Any]:
        """Return what the script gives to each call, or the exception that it gives."""
        from redis.exceptions import NoScriptError, RedisError  # noqa: PLC0415 - an extra

        try:
            answers = await self._pipelined(calls)
            if isinstance(answers[0], NoScriptError):
                await self._redis.script_load(self._text)
                answers = await self._pipelined(calls)
        except (RedisError, OSError, TimeoutError) as error:
            return [error] * len(calls)
        return answers

    async def _pipelined(self, calls: Sequence[_Call]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for arguments, _ in calls:
                pipe.evalsha(self._digest, 2, *arguments)
            answers: list[Any] = await pipe.execute(raise_on_error=False)
            return answers


def _settle(answer: "asyncio.Future[Any]", given: object) -> None:
    if answer.done():
        return  # who asked has gone
    if isinstance(given, Exception):
        answer.set_exception(given)
    else:
        answer.set_result(given)
