"""Hashing files into pieces and comparing them: right in every size, bounded, and honest about change."""

import asyncio
import hashlib
import os
import threading
import tracemalloc
from pathlib import Path

import pytest

from doctl.errors import HashFileError, LocalError, UsageError
from doctl.transfer import hashing
from doctl.wire.hash_file import MAX_HASH_FILE

PIECE = 1024


def made(folder: Path, length: int) -> tuple[Path, bytes]:
    """Make a file of ``length`` bytes of which no two pieces are alike."""
    data = hashlib.shake_128(length.to_bytes(8, "big")).digest(length)
    path = folder / "content"
    path.write_bytes(data)
    return path, data


@pytest.mark.parametrize(
    ("length", "piece_size"),
    [
        (0, PIECE),
        (1, PIECE),
        (PIECE - 1, PIECE),
        (PIECE, PIECE),
        (PIECE + 1, PIECE),
        (10 * PIECE, PIECE),
        (1000, 3001),
        (hashing.BLOCK * 3 + 7, hashing.BLOCK * 2),
        (hashing.BATCH * 7 + 1, 3001),
        (hashing.BATCH * 7, 1 << 20),
        (hashing.BATCH * 2 + 5, hashing.BATCH * 2),
    ],
)
def test_pieces_are_hashed_in_order(tmp_path: Path, length: int, piece_size: int) -> None:
    """Whatever the sizes, each piece has its own SHA-256 in its own place, and the file compares as right."""
    path, data = made(tmp_path, length)
    made_file = hashing.describe(path, piece_size)
    expected = [hashlib.sha256(data[at : at + piece_size]).digest() for at in range(0, length, piece_size)]
    assert list(made_file.pieces) == expected
    assert (made_file.content_length, made_file.piece_size) == (length, piece_size)
    assert hashing.compare(path, made_file).matches


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ({0: 1}, (0,)),
        ({5 * PIECE: 1}, (5,)),
        ({2 * PIECE - 1: 1, 2 * PIECE: 1, 9 * PIECE: 1}, (1, 2, 9)),
    ],
)
def test_altered_pieces_are_named(tmp_path: Path, change: dict[int, int], bad: tuple[int, ...]) -> None:
    """One flipped bit makes its piece bad and no other."""
    path, data = made(tmp_path, 9 * PIECE + 3)
    hash_file = hashing.describe(path, PIECE)
    altered = bytearray(data)
    for offset, mask in change.items():
        altered[offset] ^= mask
    path.write_bytes(altered)
    comparison = hashing.compare(path, hash_file)
    assert comparison.bad_pieces == bad
    assert not comparison.matches


@pytest.mark.parametrize(
    ("length", "bad"),
    [(0, (0, 1, 2, 3)), (PIECE, (1, 2, 3)), (PIECE + 1, (1, 2, 3)), (3 * PIECE + 4, (3,)), (9999, ())],
)
def test_another_length_is_a_difference(tmp_path: Path, length: int, bad: tuple[int, ...]) -> None:
    """What is missing or cut short is bad; what is too much makes no piece bad, but the file does not match."""
    path, data = made(tmp_path, 3 * PIECE + 5)
    hash_file = hashing.describe(path, PIECE)
    path.write_bytes(data[:length].ljust(length, b"x"))
    comparison = hashing.compare(path, hash_file)
    assert (comparison.length, comparison.content_length, comparison.bad_pieces) == (length, 3 * PIECE + 5, bad)
    assert not comparison.matches


def test_progress_rises_to_the_length(tmp_path: Path) -> None:
    """Progress is told in bytes, only ever rises, and ends with the whole length."""
    path, _ = made(tmp_path, hashing.BATCH * 6 + 1)
    told: list[int] = []
    hashing.describe(path, 1 << 20, told.append)
    assert told == sorted(told)
    assert told[-1] == hashing.BATCH * 6 + 1
    assert len(told) > 1


def test_progress_can_end_the_work(tmp_path: Path) -> None:
    """What progress raises comes out, and no thread is left behind."""
    path, _ = made(tmp_path, hashing.BATCH * 6)
    threads = threading.active_count()

    def stop(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hashing.describe(path, 1 << 20, stop)
    assert threading.active_count() == threads


def test_a_file_that_grows_meanwhile_is_refused(tmp_path: Path) -> None:
    """A hash file of a file in motion would describe nothing that ever was."""
    path, _ = made(tmp_path, hashing.BATCH * 6)

    def grow(_done: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(LocalError, match="changed while it was read"):
        hashing.describe(path, 1 << 20, grow)


def test_a_file_that_shrinks_meanwhile_is_refused(tmp_path: Path) -> None:
    """A file cut short under the reader is named as that."""
    path, _ = made(tmp_path, hashing.BATCH * 20)
    with pytest.raises(LocalError, match="became shorter while it was read"):
        hashing.describe(path, 1 << 20, lambda _done: os.truncate(path, 1000))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file of 256 MiB in pieces of 16 MiB costs a few blocks of memory."""
    path = tmp_path / "content"
    path.touch()
    os.truncate(path, 256 << 20)
    tracemalloc.start()
    try:
        hashing.describe(path, 16 << 20)
        assert tracemalloc.get_traced_memory()[1] < (hashing.THREADS + 4) * hashing.BLOCK
    finally:
        tracemalloc.stop()


def test_it_works_beside_an_event_loop(tmp_path: Path) -> None:
    """From a worker thread it hashes while the loop goes on."""
    path, _ = made(tmp_path, hashing.BATCH * 2)

    async def both() -> bool:
        hash_file = await asyncio.to_thread(hashing.describe, path, 1 << 20)
        return (await asyncio.to_thread(hashing.compare, path, hash_file)).matches

    assert asyncio.run(both())


def test_it_can_be_called_off(tmp_path: Path) -> None:
    """Cancelled on the event loop, the work in the thread ends soon too: Ctrl-C does not wait for a large file."""
    path, told = tmp_path / "large", list[int]()
    path.touch()
    os.truncate(path, 8 << 30)

    async def cancelled() -> None:
        begun, loop = asyncio.Event(), asyncio.get_running_loop()

        def work(progress: hashing.Progress) -> str:
            def tell(done: int) -> None:
                told.append(done)
                loop.call_soon_threadsafe(begun.set)
                progress(done)

            return hashing.sha256_of(path, tell)

        hashed = asyncio.create_task(hashing.in_thread(work))
        await begun.wait()
        hashed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hashed

    asyncio.run(cancelled())
    assert 0 < told[-1] < 8 << 30


def test_what_is_no_regular_file_is_wrong_use(tmp_path: Path) -> None:
    """A missing file, a folder and a path through a file are each said in one line."""
    (tmp_path / "file").touch()
    for path, message in [("nothing", "no such file"), (".", "not a regular file"), ("file/below", "no such file")]:
        with pytest.raises(UsageError, match=message):
            hashing.describe(tmp_path / path, PIECE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    """A named pipe that nobody writes to does not hang the command."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        hashing.describe(tmp_path / "pipe", PIECE)


def test_piece_sizes_that_no_hash_file_has_are_refused_before_reading(tmp_path: Path) -> None:
    """A piece size out of bounds is found before the first byte is read."""
    path, _ = made(tmp_path, 10)
    with pytest.raises(HashFileError, match="piece size 1,023 is out of range"):
        hashing.describe(path, PIECE - 1)


def test_reading_a_hash_file_is_bounded(tmp_path: Path) -> None:
    """Of a gigabyte that calls itself a hash file no more is read than tells that it is too long."""
    path = tmp_path / "large.phf"
    path.touch()
    os.truncate(path, 1 << 30)
    assert len(hashing.read_hash_file(path)) == MAX_HASH_FILE + 1


def test_a_hash_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    """A missing hash file and a folder are each said in one line."""
    with pytest.raises(UsageError, match="no such file"):
        hashing.read_hash_file(tmp_path / "nothing")
    with pytest.raises(UsageError, match="a folder, not a hash file"):
        hashing.read_hash_file(tmp_path)
