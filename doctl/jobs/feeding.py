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

Judging = asyncio.Task[Origin | None]
"""Whether the origin can be used: it has yet to answer; None where it cannot."""


class Feeding:
    """What HTTP gives to one transfer."""

    def __init__(self, job: FetchJob, minder: Minder, content: Content, origin: Judging) -> None:
        self._job = job
        self._minder = minder
        self._judging = origin
        self._content = content
        self._cache: CacheFirst | None = None
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
        with engine.holding():
            origin = await self._judging
            self._cache = self._chosen_cache(origin)
            if self._cache is not None or origin is not None:
                await self._minder.wait_out(lambda now: now.http_delay, self._start)
        self._waiting = False
        if self._cache is not None:
            await self._cache.feed(engine)
        elif origin is not None:
            engine.add(HttpSource(self._job.client, origin))

    def _chosen_cache(self, origin: Origin | None) -> CacheFirst | None:
        host = self._job.order.cache_host
        if host is None:
            return None
        if why := unfit(self._job.order.url, self._content):
            self._job.say(f"the cache {host} is not asked: {why}")
            return None
        return CacheFirst(self._job, host, origin, notes_file(), self._minder)
