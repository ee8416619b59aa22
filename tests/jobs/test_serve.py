"""What is shared, as which content; and that neither ``serve`` nor ``fetch`` gives what somebody changed meanwhile."""

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from doctl.endpoints import Address
from doctl.errors import DoctlError, HashFileError, UsageError
from doctl.jobs.fetch import fetch
from doctl.jobs.fetch_result import FetchOrder, FetchResult
from doctl.jobs.serve import MOST_FILES, ServeOrder, Shared, hash_all, serve
from doctl.net.system import SystemNetwork
from doctl.transfer import filesystem
from doctl.transfer.content import PIECE_SIZE
from doctl.transfer.hashing import describe
from doctl.transfer.ledger import Ledger
from doctl.wire import messages as m
from doctl.wire.hash_file import to_json
from tests.transfer.contents import Made, made
from tests.transfer.talker import LOOPBACK, connected

MADE = made(3, PIECE_SIZE)


def put(path: Path, source: Made = MADE) -> Path:
    """Write content to ``path``, and a hash file of it in pieces of another size beside it."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(source.data)
    path.with_suffix(".phf").write_bytes(to_json(describe(path, 1 << 16)))
    return path


# -- what is shared


def test_a_file_is_shared_as_its_hash_file_says(tmp_path: Path) -> None:
    """With a hash file that fits, its pieces count; without, pieces of the usual size; order is that of the names."""
    one, two = put(tmp_path / "one"), put(tmp_path / "two", made(2, seed=b"two"))
    (plain, _), (cut, other) = hash_all([one, two], []), hash_all([one, two], [one.with_suffix(".phf")])
    assert (plain.path, plain.content.piece_size) == (one, PIECE_SIZE)
    assert (cut.path, cut.content.piece_size, cut.content.length) == (one, 1 << 16, MADE.content.length)
    assert (other.path, other.content.piece_size) == (two, PIECE_SIZE)
    assert plain.content.hash_of_hashes == MADE.content.hash_of_hashes != cut.content.hash_of_hashes


def test_a_folder_stands_for_the_files_below_it(tmp_path: Path) -> None:
    """However deep they are; empty folders below are passed over."""
    for name in ("a", "b/c", "b/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "empty").mkdir()
    assert [item.path.name for item in hash_all([tmp_path], [])] == ["a", "c", "e"]


def nothing(folder: Path) -> tuple[Iterable[Path], Iterable[Path]]:
    """Name a file that is not there."""
    return [folder / "nothing"], []


def nobody(folder: Path) -> tuple[Iterable[Path], Iterable[Path]]:
    """Name a folder without files."""
    (folder / "empty").mkdir()
    return [folder / "empty"], []


def too_many(folder: Path) -> tuple[Iterable[Path], Iterable[Path]]:
    """Name a file often."""
    return [put(folder / "one", made(1))] * (MOST_FILES + 1), []


def fits_nothing(folder: Path) -> tuple[Iterable[Path], Iterable[Path]]:
    """Name a hash file of a file that has the same length and is not shared."""
    put(folder / "other", made(3, PIECE_SIZE, seed=b"other"))
    return [put(folder / "one")], [folder / "other.phf"]


def no_hash_file(folder: Path) -> tuple[Iterable[Path], Iterable[Path]]:
    """Name a hash file that is a page of a portal, beside a good one."""
    (folder / "page.phf").write_bytes(b"<html>")
    return [put(folder / "one")], [folder / "one.phf", folder / "page.phf"]


@pytest.mark.parametrize(
    ("case", "error", "message"),
    [
        (nothing, UsageError, "nothing: no such file or folder"),
        (nobody, UsageError, "no file to share"),
        (too_many, UsageError, "more than 1000 files"),
        (
            fits_nothing,
            HashFileError,
            r"no file matches the hash file .*other\.phf, for 3,145,723 bytes: doctl phf verify",
        ),
        (no_hash_file, HashFileError, r"page\.phf: the hash file is not a JSON object"),
    ],
)
def test_what_cannot_be_shared_is_said(
    tmp_path: Path,
    case: Callable[[Path], tuple[Iterable[Path], Iterable[Path]]],
    error: type[DoctlError],
    message: str,
) -> None:
    """Each is one line before anything is shared."""
    with pytest.raises(error, match=message):
        hash_all(*case(tmp_path))


# -- what was changed meanwhile


def alter(path: Path) -> None:
    """Change a byte and the time of the last change, as writing does."""
    with path.open("r+b") as file:
        file.write(b"\0")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


def test_a_change_while_others_were_hashed_is_noticed(tmp_path: Path) -> None:
    """What counts is how a file was before it was hashed, not how it was when all of them had been."""
    one, two = put(tmp_path / "one"), put(tmp_path / "two")
    shared, _ = hash_all([one, two], [])
    with one.open("rb") as file:
        unchanged = filesystem.unchanged_since(file, shared.stamp)
        assert unchanged()
        alter(one)
        assert not unchanged()


async def answered(address: Address, piece: int) -> bool:
    """Whether a piece can be had from a peer, and is right."""
    async with connected(address, MADE.content) as peer:
        await peer.say(m.Interested())
        await peer.expect(m.Unchoke)
        await peer.say(m.Request(piece, 0, 1000))
        while (message := await peer.hear()) is not None:
            if isinstance(message, m.Piece):
                return message.data == MADE.piece(piece)[:1000]
    return False


def test_serve_gives_no_file_that_was_changed(tmp_path: Path) -> None:
    """Pieces are given until somebody writes to the file, and not afterwards."""
    path = put(tmp_path / "one")

    async def serving() -> list[bool]:
        order, listening = ServeOrder((path,), listen=LOOPBACK), asyncio.get_running_loop().create_future()

        def ready(address: Address, _shared: list[Shared]) -> None:
            listening.set_result(address)

        served = asyncio.create_task(serve(SystemNetwork(), order, Ledger(), ready))
        address = await listening
        before = await answered(address, 1)
        await asyncio.to_thread(alter, path)
        after = await answered(address, 2)
        served.cancel()
        await asyncio.gather(served, return_exceptions=True)
        return [before, after]

    assert asyncio.run(serving()) == [True, False]


def test_fetch_gives_no_file_that_was_changed_after_it(tmp_path: Path) -> None:
    """What was fetched is given to others for as long as asked, unless somebody writes to it."""
    path, out = put(tmp_path / "one"), tmp_path / "fetched"
    hash_file = tmp_path / "one.phf"
    hash_file.write_bytes(to_json(describe(path, PIECE_SIZE)))

    async def fetching() -> list[bool]:
        network, loop = SystemNetwork(), asyncio.get_running_loop()
        seed, addresses, whole = loop.create_future(), list[str](), asyncio.Event()

        def ready(address: Address, _shared: list[Shared]) -> None:
            seed.set_result(address)

        def say(line: str) -> None:
            if line.startswith("giving verified pieces to peers on "):
                addresses.append(line.rpartition(" ")[2])
            if "is whole" in line:
                whole.set()

        served = asyncio.create_task(serve(network, ServeOrder((path,), listen=LOOPBACK), Ledger(), ready))
        order = FetchOrder(
            "http://127.0.0.1:9/gone", output=out, phf=str(hash_file), hash_of_hashes=MADE.content.hash_of_hashes,
            peers=(await seed,), listen=LOOPBACK, seed_for=60.0,
        )  # fmt: skip
        result = FetchResult()
        fetched = asyncio.create_task(fetch(network, order, result, watch=lambda _progress: None, say=say))
        await whole.wait()
        address = Address.parse(addresses[0])
        before = await answered(address, 1)
        await asyncio.to_thread(alter, out)
        after = await answered(address, 2)
        for task in (fetched, served):
            task.cancel()
        await asyncio.gather(fetched, served, return_exceptions=True)
        assert result.sha256 == MADE.sha256
        return [before, after]

    assert asyncio.run(fetching()) == [True, False]
