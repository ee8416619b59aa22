"""The file on disk: whole and right or not there, whatever happens between; and resumed without believing anything."""

import contextlib
import errno
import hashlib
import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doctl.errors import LocalError
from doctl.transfer.content import Content
from doctl.transfer.store import MAP_SUFFIX, PART_SUFFIX, Store
from doctl.transfer.stream_store import StreamStore
from tests import need
from tests.transfer.contents import Made, made

PIECES = 8
MADE = made(PIECES)
OTHER = made(PIECES, seed=b"other")
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX has it, Windows has not")


def part_of(path: Path) -> Path:
    """Return where the data is until it is whole."""
    return path.with_name(path.name + PART_SUFFIX)


def map_of(path: Path) -> Path:
    """Return where the verified pieces are noted."""
    return path.with_name(path.name + MAP_SUFFIX)


@contextlib.contextmanager
def opened(path: Path, content: Content = MADE.content, **options: str | bool | None) -> Iterator[Store]:
    """Open a store, go on with what is there, and close it at the end."""
    store = Store(path, content, **options)  # type: ignore[arg-type]
    try:
        store.resume()
        yield store
    finally:
        store.close()


def fill(store: Store, source: Made = MADE, pieces: range = range(PIECES)) -> None:
    """Write pieces that are right."""
    for piece in pieces:
        assert store.write(piece, source.piece(piece))


def finish(store: Store) -> None:
    """Make it safe and give it its name."""
    store.sync()
    store.publish()


def beside(path: Path) -> set[str]:
    """Name everything in the folder of ``path``."""
    return {entry.name for entry in path.parent.iterdir()}


# -- whole and right, or not there


def test_a_file_appears_when_it_is_whole_and_not_before(tmp_path: Path) -> None:
    """Pieces come in any order; the final name is not there until the last step, and then nothing else is."""
    path = tmp_path / "file"
    order = random.Random(1).sample(range(PIECES), PIECES)
    with opened(path) as store:
        for piece in order:
            assert store.write(piece, MADE.piece(piece))
            assert not path.exists()
            assert b"".join(map(bytes, store.read(piece, memoryview(bytearray(400))))) == MADE.piece(piece)
        assert store.verified == MADE.content.all_pieces
        store.sync()
        assert not path.exists()
        store.publish()
    assert path.read_bytes() == MADE.data
    assert beside(path) == {"file"}


def test_a_wrong_piece_is_neither_written_nor_noted(tmp_path: Path) -> None:
    """Bytes that have not the hash of their piece leave no trace, nor do those of another piece."""
    path = tmp_path / "file"
    with opened(path) as store:
        fill(store, pieces=range(1))
        for wrong in (bytes(1024), MADE.piece(2), bytes(MADE.piece(1))[:-1]):
            assert not store.write(1, memoryview(wrong))
        assert store.verified == 1
        assert b"".join(map(bytes, store.read(1, memoryview(bytearray(1024))))) == bytes(1024)
    assert len(map_of(path).read_bytes().splitlines()) == 2


@pytest.mark.parametrize("hashed", [True, False])
def test_an_empty_file_is_a_file(tmp_path: Path, hashed: bool) -> None:
    """Content of no bytes has no pieces, and is published as what it is."""
    empty = made(0)
    with opened(tmp_path / "file", empty.content if hashed else empty.unhashed) as store:
        finish(store)
    assert (tmp_path / "file").read_bytes() == b""
    assert beside(tmp_path / "file") == {"file"}


def test_an_empty_start_leaves_nothing_behind(tmp_path: Path) -> None:
    """A download that got nothing leaves no files lying about."""
    with opened(tmp_path / "file"):
        assert beside(tmp_path / "file") == {"file" + PART_SUFFIX, "file" + MAP_SUFFIX}
    assert not beside(tmp_path / "file")


def test_what_turned_out_to_be_something_else_is_thrown_away(tmp_path: Path) -> None:
    """Discarding removes everything, verified or not."""
    with opened(tmp_path / "file") as store:
        fill(store)
        store.discard()
    assert not beside(tmp_path / "file")


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system cannot set space aside")
def test_disk_space_is_set_aside_at_once(tmp_path: Path) -> None:
    """The whole length is allocated before the first byte comes, so that a full disk shows then."""
    large = made(300, 1 << 12)
    with opened(tmp_path / "file", large.content):
        status = part_of(tmp_path / "file").stat()
        assert status.st_size == large.content.length
        assert status.st_blocks * 512 >= large.content.length


# -- resume


def test_verified_pieces_are_not_fetched_again(tmp_path: Path) -> None:
    """What was verified in earlier runs counts, run after run, and the file is right in the end."""
    path = tmp_path / "file"
    for run in range(4):
        with opened(path) as store:
            assert store.verified == (1 << 2 * run) - 1
            fill(store, pieces=range(2 * run, 2 * run + 2))
    store = Store(path, MADE.content)
    assert store.resume() == MADE.content.length
    finish(store)
    assert path.read_bytes() == MADE.data


def change(path: Path, at: int, data: bytes) -> None:
    """Put ``data`` into a file in place of what is there."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def add(path: Path, data: bytes) -> None:
    """Put ``data`` at the end of a file."""
    with path.open("ab") as file:
        file.write(data)


def head(**changes: object) -> bytes:
    """Return a map's first line with other facts in it."""
    facts = {"doctl": "map/1", "length": MADE.content.length, "piece_size": 1024, "validator": '"one"'}
    return json.dumps(facts | changes).encode()


def with_head(path: Path, line: bytes) -> None:
    """Give a map another first line."""
    map_of(path).write_bytes(b"\n".join([line, *map_of(path).read_bytes().split(b"\n")[1:]]))


ALL = set(range(PIECES))
GOOD_LINE = b"%d " + hashlib.sha256(b"").hexdigest().encode() + b"\n"
DAMAGE: dict[str, tuple[Callable[[Path], object], set[int]]] = {
    "none": (lambda path: None, ALL),
    "a byte of the data flipped": (lambda path: change(part_of(path), 2 * 1024 + 7, b"\xff\x00\xff"), ALL - {2}),
    "a byte of the last piece flipped": (lambda path: change(part_of(path), MADE.content.length - 1, b"\n"), ALL - {7}),
    "data cut short": (lambda path: os.truncate(part_of(path), 3 * 1024 + 1), {0, 1, 2}),
    "data gone": (lambda path: part_of(path).unlink(), set()),
    "data of other content": (lambda path: part_of(path).write_bytes(OTHER.data), set()),
    "last line torn": (lambda path: os.truncate(map_of(path), map_of(path).stat().st_size - 9), ALL - {7}),
    "last line without its end": (lambda path: os.truncate(map_of(path), map_of(path).stat().st_size - 1), ALL),
    "only the first line torn": (lambda path: os.truncate(map_of(path), 20), set()),
    "map gone": (lambda path: map_of(path).unlink(), set()),
    "map empty": (lambda path: map_of(path).write_bytes(b""), set()),
    "map of noise": (lambda path: map_of(path).write_bytes(bytes(range(256)) * 40), set()),
    "map of other JSON": (lambda path: with_head(path, b"[1, 2]"), set()),
    "map of another length": (lambda path: with_head(path, head(length=MADE.content.length + 1)), set()),
    "map of other pieces": (lambda path: with_head(path, head(piece_size=2048)), set()),
    "map of another kind": (lambda path: with_head(path, head(doctl="map/2")), set()),
    "map nested without end": (lambda path: with_head(path, b"[" * 4000), set()),
    "map with an endless first line": (lambda path: with_head(path, head(more="x" * 5000)), set()),
    "pieces that are not": (
        lambda path: add(
            map_of(path), b"".join(GOOD_LINE.replace(b"%d", n) for n in [b"-1", b"8", b"9" * 5000, b"+1"])
        ),
        ALL,
    ),
    "lines that are not": (lambda path: add(map_of(path), b"\n\n \nx y\n3\n3 \xff\xfe\n3 " + b"zz" * 32 + b"\n"), ALL),
    "a digest that is not the data's": (lambda path: add(map_of(path), GOOD_LINE % 3), ALL),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_nothing_unverified_is_believed(tmp_path: Path, damage: str) -> None:
    """Only pieces that are noted and have the right hash count; the rest is fetched anew, and the file is right."""
    path = tmp_path / "file"
    with opened(path) as store:
        fill(store)
    spoil, left = DAMAGE[damage]
    spoil(path)
    with opened(path) as store:
        assert {piece for piece in range(PIECES) if store.verified >> piece & 1} == left
        for piece in ALL - left:
            assert store.write(piece, MADE.piece(piece))
        finish(store)
    assert path.read_bytes() == MADE.data
    assert beside(path) == {"file"}


def test_what_is_noted_after_a_torn_line_is_not_lost(tmp_path: Path) -> None:
    """A line that was cut off does not swallow the one written after it."""
    path = tmp_path / "file"
    with opened(path) as store:
        fill(store, pieces=range(3))
    os.truncate(map_of(path), map_of(path).stat().st_size - 9)
    with opened(path) as store:
        fill(store, pieces=range(5, 6))
    with opened(path) as store:
        assert store.verified == 0b100011


def test_content_of_the_same_size_is_not_mixed_in(tmp_path: Path) -> None:
    """A part of other content, cut in the same way, has other hashes: none of it is used."""
    path = tmp_path / "file"
    with opened(path, OTHER.content) as store:
        fill(store, OTHER)
    with opened(path) as store:
        assert store.verified == 0
        fill(store)
        finish(store)
    assert path.read_bytes() == MADE.data


@pytest.mark.parametrize(
    ("first", "then", "goes_on"),
    [
        ('"one"', '"one"', True),
        ('"one"', '"two"', False),
        ('"one"', None, False),
        (None, '"one"', False),
        (None, None, False),
    ],
)
def test_without_hashes_only_the_same_version_is_gone_on_with(
    tmp_path: Path, first: str | None, then: str | None, goes_on: bool
) -> None:
    """Where nothing vouches for the pieces, the origin must say that the file is the same; silence is not enough."""
    path = tmp_path / "file"
    with opened(path, MADE.unhashed, validator=first) as store:
        fill(store, pieces=range(3))
    with opened(path, MADE.unhashed, validator=then) as store:
        assert store.verified == (0b111 if goes_on else 0)


def test_without_hashes_damage_is_noticed_all_the_same(tmp_path: Path) -> None:
    """Each noted piece carries its own digest: what the disk lost is fetched again."""
    path = tmp_path / "file"
    with opened(path, MADE.unhashed, validator='"one"') as store:
        fill(store, pieces=range(3))
    change(part_of(path), 1024, b"\0\0\0")
    add(map_of(path), GOOD_LINE % 4)
    with opened(path, MADE.unhashed, validator='"one"') as store:
        assert store.verified == 0b101


@pytest.mark.parametrize("hashed_first", [False, True])
def test_a_hash_file_may_come_later_or_be_gone(tmp_path: Path, hashed_first: bool) -> None:
    """What was verified without a hash file is good for a run with one, and the other way round."""
    path, contents = tmp_path / "file", [MADE.unhashed, MADE.content]
    first, then = reversed(contents) if hashed_first else contents
    with opened(path, first, validator='"one"') as store:
        store.write(2, memoryview(MADE.piece(2)))
        store.write(5, memoryview(MADE.piece(5)))
    change(part_of(path), 5 * 1024, b"torn")
    with opened(path, then, validator='"one"') as store:
        assert store.verified == 0b100


def test_calling_it_off_while_it_resumes_loses_nothing(tmp_path: Path) -> None:
    """Ctrl-C while a large part is being verified ends that soon, and leaves part and map as they were."""
    path, pieces = tmp_path / "file", 400
    content = Content(pieces << 20, 1 << 20)
    part_of(path).touch()
    os.truncate(part_of(path), content.length)
    zeros = hashlib.sha256(bytes(1 << 20)).hexdigest()
    lines = [head(length=content.length, piece_size=1 << 20), *(b"%d %s" % (n, zeros.encode()) for n in range(pieces))]
    map_of(path).write_bytes(b"\n".join(lines) + b"\n")
    before = map_of(path).read_bytes()

    store, got = Store(path, content, validator='"one"'), list[int]()
    thread = threading.Thread(target=lambda: got.append(store.resume()))
    thread.start()
    while not store.verified:
        time.sleep(0.001)
    store.close()
    thread.join()
    assert 0 < got[0] < content.length
    assert map_of(path).read_bytes() == before
    assert part_of(path).stat().st_size == content.length


def test_closing_before_anything_was_looked_at_loses_nothing(tmp_path: Path) -> None:
    """A run that ended before it resumed leaves an earlier run's part alone."""
    path = tmp_path / "file"
    with opened(path) as store:
        fill(store, pieces=range(3))
    Store(path, MADE.content).close()
    with opened(path) as store:
        assert store.verified == 0b111


# -- other files, other processes


def test_another_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    """A file of that name stays as it is, and what was fetched is kept for a run that may replace it."""
    path = tmp_path / "file"
    path.write_text("precious")
    with opened(path) as store:
        fill(store)
        store.sync()
        with pytest.raises(LocalError, match=r"file is there already: .* -o, or replace it with --force"):
            store.publish()
    assert path.read_text() == "precious"
    with opened(path, force=True) as store:
        assert store.verified == MADE.content.all_pieces
        assert path.read_text() == "precious"
        finish(store)
    assert path.read_bytes() == MADE.data
    assert beside(path) == {"file"}


def test_two_doctls_do_not_write_one_file(tmp_path: Path) -> None:
    """The second is told so at once and harms nothing; when the first has ended it may go on."""
    path = tmp_path / "file"
    with opened(path) as store:
        fill(store, pieces=range(2))
        for kind in (lambda: Store(path, MADE.content), lambda: StreamStore(path)):
            with pytest.raises(LocalError, match="file is being fetched by another doctl: wait for it"):
                kind()
        fill(store, pieces=range(2, 3))
    with opened(path) as store:
        assert store.verified == 0b111


@posix
def test_doctls_that_take_turns_never_harm_a_finished_file(tmp_path: Path) -> None:
    """However the end of one and the start of another meet, the final name shows whole content, always."""
    path = tmp_path / "file"
    contents = [made(2, seed=seed) for seed in (b"a", b"b", b"c")]
    whole = {each.data for each in contents}
    published, stop = [0], threading.Event()

    def run(one: Made) -> None:
        while not stop.is_set():
            with contextlib.suppress(LocalError), opened(path, one.content, force=True) as store:
                fill(store, one, range(2))
                finish(store)
                published[0] += 1

    threads = [threading.Thread(target=run, args=(each,)) for each in contents]
    for thread in threads:
        thread.start()
    try:
        end = time.monotonic() + 1.0
        while time.monotonic() < end or published[0] < 20:
            if path.exists():
                assert path.read_bytes() in whole
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert path.read_bytes() in whole


@posix
def test_a_finish_that_was_interrupted_is_not_written_over(tmp_path: Path) -> None:
    """Killed between giving the final name and dropping the other, both name one file: a new start leaves it alone."""
    path = tmp_path / "file"
    path.write_bytes(MADE.data)
    os.link(path, part_of(path))
    with opened(path, OTHER.content, force=True) as store:
        fill(store, OTHER)
        assert path.read_bytes() == MADE.data
        finish(store)
    assert path.read_bytes() == OTHER.data


@posix
@pytest.mark.parametrize("place", [part_of, map_of])
def test_a_symbolic_link_is_not_followed(tmp_path: Path, place: Callable[[Path], Path]) -> None:
    """A link that somebody put where the data or the notes go is refused, and what it leads to is not touched."""
    target = tmp_path / "target"
    target.write_text("precious")
    path = tmp_path / "folder" / "file"
    path.parent.mkdir()
    place(path).symlink_to(target)
    with pytest.raises(LocalError, match=f"{place(path).name} is a symbolic link, which is not followed: remove it"):
        Store(path, MADE.content)
    assert target.read_text() == "precious"
    place(path).unlink()
    with opened(path) as store:
        fill(store)
        finish(store)


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    """A folder at the part's place, and a folder that is not there, are each one line that names the very path."""
    path = tmp_path / "file"
    part_of(path).mkdir()
    with pytest.raises(LocalError, match=f"file{PART_SUFFIX}: "):
        Store(path, MADE.content)
    with pytest.raises(LocalError, match=r"nowhere.*: No such file or directory"):
        Store(tmp_path / "nowhere" / "file", MADE.content)


@posix
def test_names_as_long_as_the_system_allows(tmp_path: Path) -> None:
    """A name to which the suffix still fits works; a longer one is refused in a line, and nothing is left."""
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    path = tmp_path / ("x" * (longest - len(PART_SUFFIX)))
    with opened(path) as store:
        fill(store)
        finish(store)
    assert path.read_bytes() == MADE.data
    path.unlink()
    with pytest.raises(LocalError, match=r"xx\.doctl-part: File name too long"):
        Store(path.with_name(path.name + "x"), MADE.content)
    assert not list(tmp_path.iterdir())


# -- disks that are full or read-only


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Give ``mount(options)``, which mounts a small file system, or mounts it anew with other options."""
    need.root()
    mount, unmount = need.program("mount"), need.program("umount")
    disk = tmp_path / "disk"
    disk.mkdir()

    def mounted(options: str) -> Path:
        remount = "remount," if os.path.ismount(disk) else ""
        subprocess.run([mount, "-t", "tmpfs", "-o", remount + options, "tmpfs", disk], check=True)
        return disk / "file"

    yield mounted
    if os.path.ismount(disk):
        subprocess.run([unmount, "-l", disk], check=True)


def test_a_disk_that_is_too_small_is_one_line_before_the_first_byte(small_disk: Callable[[str], Path]) -> None:
    """The space is asked for at once: nothing is fetched in vain; with more room the same run succeeds."""
    large = made(100)
    path = small_disk("size=64k")
    store = Store(path, large.content)
    with pytest.raises(
        LocalError, match=r"no space left on the disk for .*file: .* free some and run it again"
    ) as caught:
        store.resume()
    assert "\n" not in str(caught.value)
    store.close()
    assert not beside(path)
    small_disk("size=512k")
    with opened(path, large.content) as store:
        fill(store, large, range(100))
        finish(store)
    assert path.read_bytes() == large.data


def test_what_is_verified_stays_when_the_disk_runs_full(small_disk: Callable[[str], Path]) -> None:
    """Other programs fill the disk meanwhile: one line; with room again, only what is missing is fetched."""
    large = made(100)
    path = small_disk("size=512k")
    with opened(path, large.content) as store:
        with (path.parent / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
            while True:
                if not filler.write(bytes(1024)):
                    raise OSError(errno.ENOSPC, "No space")
        written = 0
        with pytest.raises(LocalError, match=r"no space left on the disk for .*file: the verified part is kept"):
            for written in range(100):
                store.write(written, large.piece(written))
        assert 10 < written < 99
        assert store.verified == (1 << written) - 1
    (path.parent / "filler").unlink()
    with opened(path, large.content) as store:
        assert store.verified == (1 << written) - 1
        fill(store, large, range(written, 100))
    with opened(path, large.content) as store:
        assert store.verified == large.content.all_pieces
        finish(store)
    assert path.read_bytes() == large.data


def test_a_read_only_folder_is_one_line(small_disk: Callable[[str], Path]) -> None:
    """Nothing can be written there: the line names the file and the reason."""
    path = small_disk("size=64k,ro")
    for kind in (lambda: Store(path, MADE.content), lambda: StreamStore(path)):
        with pytest.raises(LocalError, match=r"file\.doctl-part: Read-only file system"):
            kind()


# -- streams


def test_a_stream_becomes_a_file_when_it_is_whole(tmp_path: Path) -> None:
    """Bytes are added in order; the final name comes last, longer leftovers of another run are not part of it."""
    path = tmp_path / "file"
    part_of(path).write_bytes(bytes(1 << 20))
    store = StreamStore(path)
    for start in range(0, len(MADE.data), 1000):
        store.write(MADE.data[start : start + 1000])
        assert not path.exists()
    assert (store.length, store.sha256) == (len(MADE.data), MADE.sha256)
    store.publish()
    store.close()
    assert path.read_bytes() == MADE.data
    assert beside(path) == {"file"}


def test_a_stream_that_broke_off_leaves_nothing(tmp_path: Path) -> None:
    """Nothing could be resumed from it, so nothing is kept."""
    store = StreamStore(tmp_path / "file")
    store.write(b"begin")
    store.close()
    assert not beside(tmp_path / "file")


def test_a_stream_replaces_another_file_only_when_asked(tmp_path: Path) -> None:
    """As with pieces: without leave the other file stays, with leave it is replaced in one step."""
    path = tmp_path / "file"
    path.write_text("precious")
    for force, text in [(False, "precious"), (True, "stream")]:
        store = StreamStore(path, force=force)
        store.write(b"stream")
        with contextlib.suppress(LocalError) if force else pytest.raises(LocalError, match="there already"):
            store.publish()
        store.close()
        assert path.read_text() == text
    assert beside(path) == {"file"}


def test_a_full_disk_ends_a_stream_without_false_comfort(small_disk: Callable[[str], Path]) -> None:
    """The line says what to do and does not claim that a part was kept."""
    path = small_disk("size=64k")
    store = StreamStore(path)
    with pytest.raises(LocalError, match=r"no space left on the disk for .*file: free some and run it again"):
        store.write(bytes(1 << 20))
    store.close()
    assert not beside(path)


@pytest.mark.parametrize("which", [part_of, map_of])
def test_a_part_that_somebody_else_put_there_is_not_used(tmp_path: Path, which: Callable[[Path], Path]) -> None:
    """Where anybody may write, another user's part, which he could change later, or map, which he wrote, is refused."""
    need.root()
    tmp_path.chmod(0o1777)
    which(tmp_path / "file").touch()
    os.chown(which(tmp_path / "file"), 65534, 65534)
    with pytest.raises(LocalError, match="somebody else put it there"):
        Store(tmp_path / "file", MADE.content)
