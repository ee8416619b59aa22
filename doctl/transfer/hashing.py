"""Files on disk against hash files: hash one into pieces, or find the pieces that differ; in bounded memory.

Everything here but ``in_thread`` blocks: call it through that where there is an event loop. A ``progress`` is called
now and then with the number of bytes hashed so far; what it raises ends the work.
"""

import asyncio
import contextlib
import hashlib
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from doctl.errors import LocalError, UsageError
from doctl.transfer.filesystem import read_at
from doctl.wire.hash_file import MAX_HASH_FILE, HashFile, check_sizes

BLOCK: Final = 256 * 1024
"""Bytes read at once: they stay in the processor's cache until they are hashed."""
BATCH: Final = 4 << 20
"""About as many bytes are one thread's turn, so that small pieces cost no turn each."""
THREADS: Final = min(4, os.cpu_count() or 1)

Progress = Callable[[int], None]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a file of ``length`` bytes differs from a hash file: ``bad_pieces`` are altered, cut short or missing."""

    length: int
    content_length: int
    bad_pieces: tuple[int, ...]

    @property
    def matches(self) -> bool:
        """Whether the file is exactly what the hash file describes."""
        return self.length == self.content_length and not self.bad_pieces


def describe(path: Path, piece_size: int, progress: Progress | None = None) -> HashFile:
    """Hash the file at ``path`` into pieces of ``piece_size`` bytes.

    UsageError where there is no such regular file, HashFileError for sizes that a hash file cannot have, LocalError
    where reading fails or the file changes meanwhile.
    """
    with _opened(path) as (file, length):
        check_sizes(length, piece_size)
        return HashFile.of(length, piece_size, tuple(_digests(file, length, piece_size, progress)))


def compare(path: Path, hash_file: HashFile, progress: Progress | None = None) -> Comparison:
    """Find the pieces of the file at ``path`` that are not as ``hash_file`` says; errors as of ``describe``."""
    with _opened(path) as (file, length):
        found = list(_digests(file, min(length, hash_file.content_length), hash_file.piece_size, progress))
    missing = range(len(found), len(hash_file.pieces))
    altered = [index for index, digest in enumerate(found) if digest != hash_file.pieces[index]]
    return Comparison(length, hash_file.content_length, (*altered, *missing))


def sha256_of(path: Path, progress: Progress | None = None) -> str:
    """Return the SHA-256 of the whole file in hex; errors as of ``describe``."""
    with _opened(path) as (file, length):
        return _digest(file, 0, length, memoryview(bytearray(BLOCK)), progress).hex()


async def in_thread(work: Callable[[Progress], Result]) -> Result:
    """Run ``work`` in a worker thread; cancelled, it ends the next time that it tells its progress."""
    stopped = threading.Event()

    def progress(_done: int) -> None:
        if stopped.is_set():
            raise LocalError("the hashing was called off")

    try:
        return await asyncio.to_thread(work, progress)
    finally:
        stopped.set()


def read_hash_file(path: Path) -> bytes:
    """Read what may be a hash file, never much more than a hash file may have; errors as of ``describe``."""
    with _explained(path):
        if path.is_dir():
            raise UsageError(f"{path}: a folder, not a hash file")
        with path.open("rb") as file:
            return file.read(MAX_HASH_FILE + 1)


def _digests(file: BinaryIO, length: int, piece_size: int, progress: Progress | None) -> Iterator[bytes]:
    """Yield the digest of each piece in order; a few batches are in work at a time."""
    batch = max(1, BATCH // piece_size) * piece_size
    with ThreadPoolExecutor(THREADS) as pool:
        working: deque[Future[list[bytes]]] = deque()
        done = 0
        for start in range(0, length, batch):
            working.append(pool.submit(_batch, file, start, min(start + batch, length), piece_size))
            if len(working) > THREADS:
                yield from working.popleft().result()
                done += batch
                if progress:
                    progress(done)
        for last in working:
            yield from last.result()
    if progress:
        progress(length)


def _batch(file: BinaryIO, start: int, end: int, piece_size: int) -> list[bytes]:
    block = memoryview(bytearray(min(BLOCK, end - start)))
    return [_digest(file, at, min(at + piece_size, end), block) for at in range(start, end, piece_size)]


def _digest(file: BinaryIO, start: int, end: int, block: memoryview, progress: Progress | None = None) -> bytes:
    digest = hashlib.sha256()
    while start < end:
        part = block[: min(len(block), end - start)]
        if read_at(file, part, start) != len(part):
            raise LocalError(f"{file.name}: became shorter while it was read")
        digest.update(part)
        start += len(part)
        if progress:
            progress(start)
    return digest.digest()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file and give it with its length; at the end make sure that it has not changed."""
    with _explained(path):
        if not stat.S_ISREG(path.stat().st_mode):  # asked before opening: a pipe would block there
            raise UsageError(f"{path}: not a regular file")
        with path.open("rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            yield file, before.st_size
            after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise LocalError(f"{path}: changed while it was read")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
