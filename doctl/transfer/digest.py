"""The SHA-256 of the whole file, kept up while its pieces come in any order."""

import asyncio
import hashlib
from concurrent.futures import Executor

from doctl.transfer.hashing import BLOCK
from doctl.transfer.store import Store


class FileDigest:
    """Hashes the verified pieces at the front of a file in a thread, as far as they reach without a gap."""

    def __init__(self, store: Store, threads: Executor) -> None:
        self._store = store
        self._threads = threads
        self._hash = hashlib.sha256()
        self._next = 0
        self._stopped = False
        self._job: asyncio.Future[None] | None = None
        self._block = memoryview(bytearray(BLOCK))

    def advance(self) -> None:
        """Hash what has become reachable; call it on the event loop after each verified piece."""
        idle = self._job is None or self._job.done()
        if idle and not self._stopped and self._store.verified >> self._next & 1:
            self._job = asyncio.get_running_loop().run_in_executor(self._threads, self._hash_front)
            self._job.add_done_callback(self._ended)

    async def finish(self) -> str:
        """Return the digest of the whole file in hex; every piece must be verified."""
        while self._next < self._store.content.pieces:
            self.advance()
            if self._job is not None:
                await self._job
        return self._hash.hexdigest()

    def stop(self) -> None:
        """Leave off, at the latest after the piece that is being hashed; for a download that is given up."""
        self._stopped = True

    def _hash_front(self) -> None:
        while not self._stopped and self._store.verified >> self._next & 1:
            for part in self._store.read(self._next, self._block):
                self._hash.update(part)
            self._next += 1

    def _ended(self, job: "asyncio.Future[None]") -> None:
        if not job.cancelled() and job.exception() is None:
            self.advance()
