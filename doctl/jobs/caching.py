"""A cache host as the first place to fetch from, with the origin behind it; failures are remembered between runs."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Final

from doctl import atomic
from doctl.errors import DoctlError, LocalError, OriginError
from doctl.jobs.fetch_result import FetchJob
from doctl.sources.cache import MOST_BYTES, REST, Rests, origin_of, url_at
from doctl.sources.http import HttpSource
from doctl.transfer.content import Content
from doctl.transfer.desk import Kind
from doctl.transfer.engine import Engine
from doctl.transfer.origin import Origin, learn
from doctl.transfer.patience import Patience

BRIEF: Final = Patience(tries=1, head=10.0)
"""Patience with a cache: the origin is waiting behind it."""


class CacheFirst:
    """Feeds an engine from the cache host while that is any good, and from the origin once it is not."""

    def __init__(self, job: FetchJob, host: str, origin: Origin | None, notes: Path) -> None:
        """``notes`` is the file where failures are remembered."""
        self.trying = True
        """Whether the next source is still to come."""
        self._job = job
        self._host = host
        self._url = job.order.url
        self._origin = origin
        self._notes = notes

    async def feed(self, engine: Engine) -> None:
        """Add sources until cancelled: the cache again and again, the origin when the cache first fails."""
        origin = self._origin
        while True:
            rest = self._rests().left(self._host, origin_of(self._url), time.time())
            if rest:
                self._job.say(f"the cache {self._host} failed lately and is left alone for {rest / 60:.0f} min more")
            else:
                await self._until_it_fails(engine)
                rest = REST
            if origin is not None:
                engine.add(HttpSource(self._job.client, origin))
                origin = None
            self.trying = False
            await asyncio.sleep(rest)
            self.trying = True

    async def _until_it_fails(self, engine: Engine) -> None:
        try:
            cached = await learn(self._job.client, url_at(self._host, self._url), BRIEF)
            self._check(cached, engine.content)
            source = HttpSource(self._job.client, cached, kind=Kind.CACHE, patience=Patience(tries=2))
            await asyncio.wait([engine.add(source)])
            error = next((error for each, error in engine.failures if each is source), None)
        except DoctlError as problem:
            error = problem
        if error is not None:
            self._job.say(f"the cache {self._host} is left alone for {REST / 60:g} min ({error})")
            self._remember(error)

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


def notes_file() -> Path:
    """Return where failures of cache hosts are remembered for this user."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - only fetches with a cache host ask

    return user_cache_path("doctl", appauthor=False) / "cache-hosts.json"


def unfit(url: str, content: Content) -> str | None:
    """Return why no cache may be asked for the file at ``url``, None when one may."""
    if content.hashes is None and url.startswith("https:"):
        return "a cache answers over plain HTTP, and no hash file vouches for what it sends"
    return None
