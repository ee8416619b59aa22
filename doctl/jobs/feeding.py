"""Gives an engine its HTTP sources, the origin and a cache host before it, when the rules let them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from doctl.jobs.alongside import alongside
from doctl.jobs.caching import CacheFirst, notes_file, unfit
from doctl.jobs.fetch_result import FetchJob
from doctl.jobs.minding import Minder
from doctl.sources.http import HttpSource
from doctl.transfer.content import Content
from doctl.transfer.engine import Engine
from doctl.transfer.origin import Origin


class Feeding:
    """What HTTP gives to one transfer; ``origin`` is None where it cannot be used."""

    def __init__(self, job: FetchJob, minder: Minder, content: Content, origin: Origin | None) -> None:
        self._job = job
        self._minder = minder
        self._origin = origin
        self._cache = self._chosen_cache(content)
        self._waiting = True
        self._start = asyncio.get_running_loop().time()

    @property
    def hopeful(self) -> bool:
        """Whether a source is still to come."""
        return self._waiting or (self._cache is not None and self._cache.trying)

    @contextlib.asynccontextmanager
    async def at_work(self, engine: Engine) -> AsyncIterator[None]:
        """Feed ``engine`` while the block runs."""
        async with alongside(self._feed(engine)):
            yield

    async def _feed(self, engine: Engine) -> None:
        if self._cache is not None or self._origin is not None:
            with engine.holding():
                await self._minder.wait_out(lambda now: now.http_delay, self._start)
        self._waiting = False
        if self._cache is not None:
            await self._cache.feed(engine)
        elif self._origin is not None:
            engine.add(HttpSource(self._job.client, self._origin))

    def _chosen_cache(self, content: Content) -> CacheFirst | None:
        host = self._job.order.cache_host
        if host is None:
            return None
        if why := unfit(self._job.order.url, content):
            self._job.say(f"the cache {host} is not asked: {why}")
            return None
        return CacheFirst(self._job, host, self._origin, notes_file(), self._minder)
