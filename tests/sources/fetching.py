"""Fetches through the real engine and store, for the tests of HTTP sources."""

import asyncio
import hashlib
import random
from collections.abc import Callable, Iterable
from pathlib import Path

import httpx

from doctl.net.system import SystemNetwork
from doctl.sources.http import HttpSource
from doctl.transfer.content import Content
from doctl.transfer.engine import Engine
from doctl.transfer.ledger import Ledger
from doctl.transfer.origin import learn
from doctl.transfer.patience import Patience
from doctl.transfer.store import Store

PIECE = 16 * 1024
DATA = random.Random(7).randbytes(50 * PIECE + 1234)
QUICK = Patience(tries=3, first=0.01, most=0.2, head=5)


def digest(data: bytes) -> str:
    """Return what stands for ``data`` in comparisons, so that a difference does not fill pages."""
    return hashlib.sha256(data).hexdigest()


WHOLE = digest(DATA)


def client(timeout: float = 5.0, proxy: str | None = None) -> httpx.AsyncClient:
    """Make the client that the system's network makes, with this proxy or none."""
    return SystemNetwork().http(proxy=proxy, direct=True, timeout=timeout, bulk=True)


class Fetch:
    """A download into ``path`` from one or more origins; afterwards ``ledger`` and ``engine`` tell how it went."""

    def __init__(self, path: Path, *, parallel: int = 4, run: int = 8, patience: Patience = QUICK) -> None:
        self.path = path
        self.ledger = Ledger()
        self.on_verified: Callable[[int], None] = lambda piece: None
        self._parallel = parallel
        self._run = run
        self._patience = patience

    def __call__(self, *urls: str, timeout: float = 5.0, proxy: str | None = None) -> str:
        """Fetch and return the file's digest; raises what the download ends in, and then no file must be there."""
        try:
            asyncio.run(self._fetch(urls, timeout, proxy))
        except BaseException:
            assert not self.path.exists()
            raise
        return digest(self.path.read_bytes())

    async def _fetch(self, urls: Iterable[str], timeout: float, proxy: str | None) -> None:
        async with client(timeout, proxy) as http:
            origins = [await learn(http, url, self._patience) for url in urls]
            length = origins[0].length
            assert length is not None
            store = Store(self.path, Content(length, PIECE), validator=origins[0].validator)
            try:
                store.resume()
                self.engine = Engine(store, self.ledger, SystemNetwork().now)
                self.engine.on_verified = self.on_verified
                for origin in origins:
                    source = HttpSource(http, origin, parallel=self._parallel, run=self._run, patience=self._patience)
                    self.engine.add(source)
                await self.engine.run()
                store.publish()
            finally:
                store.close()
