"""Writing past the page cache: the same bytes are read, refusals are told; only what nobody reads soon goes there."""

import asyncio
import mmap
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctl.transfer.content import Content
from doctl.transfer.desk import Desk
from doctl.transfer.direct import ALIGNED, LARGE, DirectWriter
from doctl.transfer.engine import Engine
from doctl.transfer.ledger import Ledger
from doctl.transfer.store import Store
from tests import need
from tests.page_cache import pages_kept
from tests.transfer.contents import made
from tests.transfer.test_engine import Clock, Scripted

PIECE = 16 * ALIGNED
MADE = made(9, PIECE)

pytestmark = pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="the system has no way past its page cache")


def aligned(data: memoryview | bytes, shift: int = 0) -> memoryview:
    """Return a copy of ``data`` that begins ``shift`` bytes after the beginning of a page."""
    memory = memoryview(mmap.mmap(-1, len(data) + shift + 1))[shift : shift + len(data)]
    memory[:] = data
    return memory


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[DirectWriter]:
    """Give a way past the cache into ``tmp_path / "file"``."""
    with (tmp_path / "file").open("wb", buffering=0) as file:
        writer = DirectWriter(tmp_path / "file", file)
        if not writer.write(aligned(bytes(ALIGNED)), 0):
            need.absent("needs a file system with O_DIRECT for temporary files")
        yield writer
        writer.close()


def test_what_is_written_is_what_is_read(writer: DirectWriter, tmp_path: Path) -> None:
    """Whole pages at any page, in any order, several writers at a time: other readers of the file see them."""
    whole = MADE.data[: 8 * PIECE]
    pieces = list(range(8))
    random.shuffle(pieces)
    threads = [
        threading.Thread(target=writer.write, args=(aligned(MADE.piece(piece)), piece * PIECE)) for piece in pieces
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_bytes() == whole


@pytest.mark.parametrize(("length", "offset"), [(ALIGNED - 1, 0), (5, 0), (ALIGNED, 512), (ALIGNED, 1)])
def test_what_is_no_whole_page_is_refused(writer: DirectWriter, tmp_path: Path, length: int, offset: int) -> None:
    """Nothing is written of it: it is to be written the usual way."""
    assert not writer.write(aligned(b"x" * length), offset)
    assert (tmp_path / "file").read_bytes() == bytes(ALIGNED)


def test_another_file_of_that_name_is_not_written(tmp_path: Path) -> None:
    """Whoever gives the name to another file, or to a link, does not get the data."""
    (tmp_path / "other").write_bytes(b"precious")
    for replace in (os.link, os.symlink):
        with (tmp_path / "file").open("wb", buffering=0) as file:
            (tmp_path / "file").unlink()
            replace(tmp_path / "other", tmp_path / "file")
            writer = DirectWriter(tmp_path / "file", file)
            assert not writer.write(aligned(bytes(ALIGNED)), 0)
            writer.close()
        (tmp_path / "file").unlink()
    assert (tmp_path / "other").read_bytes() == b"precious"


@pytest.mark.parametrize("_again", range(20))
def test_closing_waits_for_who_writes(tmp_path: Path, _again: int) -> None:
    """Nothing is written after it, least of all into a file that got the descriptor's number."""
    with (tmp_path / "file").open("wb", buffering=0) as file:
        writer = DirectWriter(tmp_path / "file", file)
        page = aligned(b"x" * ALIGNED)
        threads = [threading.Thread(target=lambda: [writer.write(page, 0) for _ in range(10)]) for _ in range(6)]
        for thread in threads:
            thread.start()
        writer.close()
        others = [(tmp_path / f"other{number}").open("wb", buffering=0) for number in range(3)]
        for thread in threads:
            thread.join()
        assert not writer.write(page, 0)
        for other in others:
            assert os.fstat(other.fileno()).st_size == 0
            other.close()


@pytest.mark.parametrize("shift", [0, 1], ids=["aligned", "one byte on"])
@pytest.mark.parametrize("read_soon", [False, True])
def test_a_store_is_right_whatever_way_its_pieces_went(tmp_path: Path, shift: int, *, read_soon: bool) -> None:
    """Memory that disks do not like and a last piece that is no whole page go the usual way, with the same result."""
    store = Store(tmp_path / "file", MADE.content)
    store.resume()
    for piece in range(9):
        assert store.write(piece, aligned(MADE.piece(piece), shift), read_soon=read_soon)
    store.close()
    again = Store(tmp_path / "file", MADE.content)
    assert again.resume() == len(MADE.data)
    again.sync()
    again.publish()
    assert (tmp_path / "file").read_bytes() == MADE.data


def test_only_what_is_read_soon_stays_in_memory(writer: DirectWriter, tmp_path: Path) -> None:
    """A piece that nobody is to read leaves the cache alone; one that somebody is to read is there."""
    store = Store(tmp_path / "got", MADE.content)
    store.resume()
    for piece in range(8):
        store.write(piece, aligned(MADE.piece(piece)), read_soon=piece % 2 == 0)
    store.close()
    kept = pages_kept(tmp_path / "got.doctl-part")
    assert [any(kept[piece * 16 : piece * 16 + 16]) for piece in range(8)] == [True, False] * 4


class Noting(Store):
    """Believes every piece, and notes whether it is to be read soon."""

    def __init__(self, path: Path, content: Content) -> None:
        super().__init__(path, content)
        self.noted: set[bool] = set()

    def write(self, piece: int, data: memoryview, *, read_soon: bool = True) -> bool:
        """Note it."""
        self.noted.add(read_soon)
        self.verified |= 1 << piece
        return True


@pytest.mark.parametrize(
    ("length", "wanted", "digest", "soon"),
    [
        (LARGE, False, False, False),
        (LARGE - 1, False, False, True),
        (LARGE, True, False, True),
        (LARGE, False, True, True),
    ],
    ids=["large", "small", "peers want it", "all is hashed once more"],
)
def test_who_reads_soon(tmp_path: Path, length: int, *, wanted: bool, digest: bool, soon: bool) -> None:
    """Nobody does where a large file is hashed in pieces alone and no peer is interested."""
    store = Noting(tmp_path / "file", Content(length, LARGE // 4))
    store.resume()

    async def anything(source: Scripted, desk: Desk) -> None:
        while True:
            for piece in source.take(desk):
                await source.bring(desk, piece, memoryview(b""))
            await desk.changed()

    async def fetch() -> None:
        engine = Engine(store, Ledger(), Clock(), digest=digest)
        engine.wanted_by_others = lambda: wanted
        engine.add(Scripted(anything))
        await engine.run()

    asyncio.run(fetch())
    store.close()
    assert store.noted == {soon}
