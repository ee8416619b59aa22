"""Data on its way to the disk while more comes: in stretches, one at a time, and a disk that fails is told."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from doctl.errors import LocalError
from doctl.transfer.flush import EVERY, Flush
from doctl.transfer.store import Store
from tests.transfer.contents import made


class Disk(Store):
    """A store whose disk takes as long as the test wants, and may fail."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, made(1).content)
        self.flushes = 0
        self.may_end = threading.Event()
        self.error: LocalError | None = None

    def flush(self) -> None:
        """Do it when the test says so."""
        self.flushes += 1
        self.may_end.wait()
        if self.error:
            raise self.error
        super().flush()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Give a store."""
    return Disk(tmp_path / "file")


def flushing(disk: Disk, test: Callable[[Flush, "asyncio.Queue[asyncio.Future[None]]"], object]) -> None:
    """Run a test with a flush of ``disk`` and a queue of what it hears of their ends."""

    async def run() -> None:
        ends: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()
        with ThreadPoolExecutor(2) as threads:
            try:
                await test(Flush(disk, threads, ends.put_nowait), ends)  # type: ignore[misc]
            finally:
                disk.may_end.set()
        disk.close()

    asyncio.run(run())


def test_one_at_a_time(disk: Disk) -> None:
    """The disk is set to work after a stretch; what comes while it works waits for the next time."""

    async def test(flush: Flush, ends: "asyncio.Queue[asyncio.Future[None]]") -> None:
        flush.wrote(EVERY - 1)
        assert disk.flushes == 0
        flush.wrote(1)
        flush.wrote(EVERY)
        disk.may_end.set()
        assert (await ends.get()).exception() is None
        assert disk.flushes == 1
        flush.wrote(1)
        await ends.get()
        assert disk.flushes == 2

    flushing(disk, test)


def test_a_failing_disk_is_told(disk: Disk) -> None:
    """What the disk says is heard of at once: it says it only once."""

    async def test(flush: Flush, ends: "asyncio.Queue[asyncio.Future[None]]") -> None:
        disk.error = LocalError("the disk is on fire")
        disk.may_end.set()
        flush.wrote(EVERY)
        assert (await ends.get()).exception() is disk.error

    flushing(disk, test)
