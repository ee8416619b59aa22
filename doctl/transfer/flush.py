"""Has what was written on its way to the disk while more comes, so that the end waits for little."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

from doctl.transfer.store import Store

EVERY: Final = 128 << 20
"""Bytes after which the disk is set to work: often enough to leave a short rest, and few interruptions of the disk."""


class Flush:
    """Syncs a store in a thread, again and again, one at a time.

    ``ended`` hears of each end. A failure must end the download: the system tells of it once, and the last sync would
    find nothing wrong.
    """

    def __init__(self, store: Store, threads: Executor, ended: Callable[["asyncio.Future[None]"], None]) -> None:
        self._store = store
        self._threads = threads
        self._ended = ended
        self._waiting = 0
        self._job: asyncio.Future[None] | None = None

    def wrote(self, count: int) -> None:
        """Note that ``count`` more bytes were written; call it on the event loop."""
        self._waiting += count
        if self._waiting >= EVERY and (self._job is None or self._job.done()):
            self._waiting = 0
            self._job = asyncio.get_running_loop().run_in_executor(self._threads, self._store.flush)
            self._job.add_done_callback(self._ended)
