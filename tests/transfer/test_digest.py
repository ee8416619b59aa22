"""The SHA-256 of the whole file: right whatever order its pieces come in, read from what is really on disk."""

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from doctl.transfer.content import Content
from doctl.transfer.digest import FileDigest
from doctl.transfer.store import Store
from tests.transfer.contents import Made, made


class Recording(Store):
    """A store that knows what was read back from it."""

    def __init__(self, path: Path, content: Content) -> None:
        super().__init__(path, content)
        self.reads: list[int] = []
        self.begun = threading.Event()

    def read(self, piece: int, block: memoryview) -> Iterator[memoryview]:
        """Write down which piece it was."""
        self.reads.append(piece)
        self.begun.set()
        return super().read(piece, block)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Give threads, and wait for them at the end."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Made], Recording]]:
    """Open a store for content; it is closed at the end."""
    stores: list[Recording] = []

    def new(source: Made) -> Recording:
        stores.append(Recording(tmp_path / "file", source.content))
        stores[-1].resume()
        return stores[-1]

    yield new
    for store in stores:
        store.close()


@pytest.mark.parametrize("pieces", [0, 1, 2, 50])
@pytest.mark.parametrize("already", [0, 1])
def test_pieces_may_come_in_any_order(
    pieces: int, already: int, opened: Callable[[Made], Recording], threads: ThreadPoolExecutor
) -> None:
    """Told of each piece as it comes, it ends with the digest of the whole; pieces of an earlier run count as well."""
    source = made(pieces)
    store = opened(source)
    order = random.Random(2).sample(range(pieces), pieces)
    for piece in order[: pieces * already // 2]:
        store.write(piece, source.piece(piece))

    async def hashing() -> str:
        digest = FileDigest(store, threads)
        digest.advance()
        for piece in order[pieces * already // 2 :]:
            store.write(piece, source.piece(piece))
            digest.advance()
            await asyncio.sleep(0)
        return await digest.finish()

    assert asyncio.run(hashing()) == source.sha256


def test_it_follows_the_pieces_while_they_come(opened: Callable[[Made], Recording]) -> None:
    """What can be hashed is hashed at once, so that the end has little left to do; what lies behind a gap waits."""
    source = made(4)
    store = opened(source)

    async def hashing(thread: ThreadPoolExecutor) -> list[list[int]]:
        digest, reached = FileDigest(store, thread), list[list[int]]()
        for piece in (1, 0, 3):
            store.write(piece, source.piece(piece))
            digest.advance()
            await asyncio.get_running_loop().run_in_executor(thread, int)  # the only thread has come to its end
            reached.append(list(store.reads))
        return reached

    with ThreadPoolExecutor(1) as thread:
        assert asyncio.run(hashing(thread)) == [[], [0, 1], [0, 1]]


def test_it_ends_however_its_jobs_and_the_pieces_meet(opened: Callable[[Made], Recording]) -> None:
    """The end is waited for properly when it is asked for in the moment in which a job has just ended."""
    source = made(2)
    store = opened(source)

    async def hashing(thread: ThreadPoolExecutor) -> str:
        digest = FileDigest(store, thread)
        store.write(0, source.piece(0))
        digest.advance()
        await asyncio.get_running_loop().run_in_executor(thread, store.write, 1, source.piece(1))
        return await digest.finish()

    with ThreadPoolExecutor(1) as thread:
        assert asyncio.run(hashing(thread)) == source.sha256


def test_it_can_be_left_off(opened: Callable[[Made], Recording], threads: ThreadPoolExecutor) -> None:
    """A download that is given up does not wait until a large file has been hashed."""
    source = made(300, 1 << 20)
    store = opened(source)
    for piece in range(300):
        store.write(piece, source.piece(piece))

    async def leaving_off() -> None:
        digest = FileDigest(store, threads)
        digest.advance()
        await asyncio.to_thread(store.begun.wait)
        digest.stop()
        await asyncio.to_thread(threads.shutdown, wait=True)

    asyncio.run(leaving_off())
    assert 0 < len(store.reads) < 300


def test_what_cannot_be_read_is_an_error(opened: Callable[[Made], Recording], threads: ThreadPoolExecutor) -> None:
    """A file that cannot be read back makes no digest."""
    source = made(3)
    store = opened(source)
    for piece in range(3):
        store.write(piece, source.piece(piece))
    store.close()

    async def hashing() -> None:
        digest = FileDigest(store, threads)
        digest.advance()
        await asyncio.sleep(0.01)
        await digest.finish()

    with pytest.raises(ValueError, match="closed file"):
        asyncio.run(hashing())
