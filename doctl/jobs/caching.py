"""A cache host as the first place to fetch from, with the origin behind it; failures are remembered between runs."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Final

from doctl import atomic
from doctl.errors import BusyError, DoctlError, LocalError, NetworkError, OriginError
from doctl.jobs.fetch_result import FetchJob
from doctl.jobs.minding import Minder
from doctl.sources.cache import MOST_BYTES, REST, Rests, origin_of, url_at
from doctl.sources.http import HttpSource
from doctl.transfer.content import Content
from doctl.transfer.desk import Kind
from doctl.transfer.engine import Engine
from doctl.transfer.origin import Origin, learn
from doctl.transfer.patience import Patience

BRIEF: Final = Patience(tries=1, head=10.0)
"""Patience with a cache: the origin is waiting behind it."""
AGAIN: Final = 2.0
"""Seconds after which a failing cache is asked again while the origin has to wait for it."""


class CacheFirst:
    """Feeds an engine from the cache host while that is any good and allowed, and from the origin once it is not."""

    def __init__(self, job: FetchJob, host: str, origin: Origin | None, notes: Path, minder: Minder) -> None:
        """``notes`` is the file where failures are remembered."""
        self.trying = True
        """Whether the next source is still to come."""
        self._job = job
        self._host = host
        self._url = job.order.url
        self._origin = origin
        self._notes = notes
        self._minder = minder

    async def feed(self, engine: Engine) -> None:
        """Add sources until cancelled: the cache again and again, the origin when the cache is first of no use."""
        while True:
            rest = self._rests().left(self._host, origin_of(self._url), time.time())
            if rest:
                self._job.say(f"the cache {self._host} failed lately and is left alone for {rest / 60:.0f} min more")
            elif await self._until_it_fails(engine):
                rest = REST
            self._add_origin(engine)
            self.trying = False
            await asyncio.sleep(rest)
            await self._minder.until(lambda now: now.cache_server)
            self.trying = True

    def _add_origin(self, engine: Engine) -> None:
        if self._origin is not None:
            engine.add(HttpSource(self._job.client, self._origin))
            self._origin = None

    async def _until_it_fails(self, engine: Engine) -> bool:
        """Fetch from the cache, after a failure again and again for as long as the origin is to wait for it.

        False if the rules forbid the cache meanwhile.
        """
        loop, had, failing_since = asyncio.get_running_loop(), -1, 0.0
        while (error := await self._try(engine)) is not None:
            if engine.ledger.bytes_from[Kind.CACHE] != had:
                had, failing_since = engine.ledger.bytes_from[Kind.CACHE], loop.time()
            left = failing_since + self._minder.now.cache_delay - loop.time()
            if left <= 0 or not _may_pass(error):
                self._job.say(f"the cache {self._host} is left alone for {REST / 60:g} min ({error})")
                self._remember(error)
                return True
            with engine.holding():
                await asyncio.sleep(min(AGAIN, left))
        return False

    async def _try(self, engine: Engine) -> DoctlError | None:
        """Fetch from the cache until it fails, and return how; None if the rules forbid to go on."""
        if not self._minder.now.cache_server:
            return None
        try:
            cached = await learn(self._job.client, url_at(self._host, self._url), BRIEF)
            self._check(cached, engine.content)
        except DoctlError as problem:
            return problem
        source = HttpSource(self._job.client, cached, kind=Kind.CACHE, patience=Patience(tries=2))
        fetching = engine.add(source)
        forbidden = asyncio.create_task(self._minder.until(lambda now: not now.cache_server))
        try:
            await asyncio.wait([fetching, forbidden], return_when=asyncio.FIRST_COMPLETED)
        finally:
            forbidden.cancel()
            fetching.cancel()
        return next((error for each, error in engine.failures if each is source), None)

    def _check(self, cached: Origin, content: Content) -> None:
        """Raise OriginError unless what the cache has is as long as the content and, without hashes, of its version."""
        if cached.length != content.length:
            raise OriginError(f"it has {cached.length} bytes of a file of {content.length}")
        if content.hashes is None and self._origin is not None and self._origin.version.differs(cached.version):
            raise OriginError("it has another version of the file than the origin")

    def _rests(self) -> Rests:
        try:
            with self._notes.open("rb") as file:
                return Rests.decode(file.read(MOST_BYTES))
        except OSError:
            return Rests()

    def _remember(self, error: DoctlError) -> None:
        rests = self._rests()
        rests.failed(self._host, origin_of(self._url), error, time.time())
        with contextlib.suppress(LocalError, OSError):  # a machine without a home forgets, and asks again next time
            self._notes.parent.mkdir(parents=True, exist_ok=True)
            atomic.write(self._notes, rests.encode())


def _may_pass(error: DoctlError) -> bool:
    """Whether a cache that failed so may do better in a while; one that has something else will not."""
    return isinstance(error, NetworkError | BusyError)


def notes_file() -> Path:
    """Return where failures of cache hosts are remembered for this user."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - only fetches with a cache host ask

    return user_cache_path("doctl", appauthor=False) / "cache-hosts.json"


def unfit(url: str, content: Content) -> str | None:
    """Return why no cache may be asked for the file at ``url``, None when one may."""
    if content.hashes is None and url.startswith("https:"):
        return "a cache answers over plain HTTP, and no hash file vouches for what it sends"
    return None
