"""Files as the system has them: positioned reads and writes, one writer at a time, links not followed, changes seen."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from doctl.transfer import filesystem

HOLD = """
import sys
from pathlib import Path
from doctl.transfer import filesystem
file = filesystem.open_exclusive(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_bytes_go_where_they_belong_from_many_threads(tmp_path: Path) -> None:
    """Blocks written at their offsets by several threads at once are read back as they were, and only so far."""
    blocks = [bytes([number]) * 70_000 for number in range(16)]
    with filesystem.open_exclusive(tmp_path / "file") as file:
        threads = [
            threading.Thread(target=filesystem.write_at, args=(file, memoryview(block), number * 70_000))
            for number, block in enumerate(blocks)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, block in enumerate(blocks):
            buffer = memoryview(bytearray(70_000))
            assert filesystem.read_at(file, buffer, number * 70_000) == 70_000
            assert buffer == block
        assert filesystem.read_at(file, buffer, 16 * 70_000 - 10) == 10
        assert filesystem.read_at(file, buffer, 1 << 40) == 0


def test_another_process_keeps_off_until_the_first_has_ended(tmp_path: Path) -> None:
    """Who comes second is told so at once; killed, the first one leaves nothing that stays locked."""
    path = tmp_path / "file"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError):
            filesystem.open_exclusive(path)
        holder.kill()
        holder.wait()
        filesystem.open_exclusive(path).close()


@pytest.mark.parametrize("length", [0, 1, 5000, 1 << 20])
def test_space_is_set_aside_without_changing_what_is_there(tmp_path: Path, length: int) -> None:
    """The file has the length that was asked for, grown with zeros or cut, and keeps its bytes."""
    with filesystem.open_exclusive(tmp_path / "file") as file:
        file.write(b"x" * 3000)
        filesystem.reserve(file, length)
    assert (tmp_path / "file").read_bytes() == (b"x" * 3000).ljust(length, b"\0")[:length]


@pytest.mark.parametrize(("replace", "there"), [(False, False), (True, False), (True, True)])
def test_a_file_gets_its_final_name_in_one_step(tmp_path: Path, replace: bool, there: bool) -> None:
    """The new name is the file, the old name is gone, and what was there is replaced if that was asked for."""
    part, final = tmp_path / "part", tmp_path / "final"
    part.write_text("new")
    if there:
        final.write_text("old")
    filesystem.publish(part, final, replace=replace)
    assert final.read_text() == "new"
    assert not part.exists()


def test_another_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    """Both files stay as they were."""
    part, final = tmp_path / "part", tmp_path / "final"
    part.write_text("new")
    final.write_text("old")
    with pytest.raises(FileExistsError):
        filesystem.publish(part, final, replace=False)
    assert (part.read_text(), final.read_text()) == ("new", "old")


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system cannot refuse to follow links")
def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither to a file nor to where a file could be made."""
    (tmp_path / "file").touch()
    for name, target in [("link", "file"), ("dangling", "nothing")]:
        (tmp_path / name).symlink_to(tmp_path / target)
        for how in (filesystem.open_exclusive, filesystem.open_journal):
            with pytest.raises(OSError, match="symbolic links"):
                how(tmp_path / name)
    assert not (tmp_path / "nothing").exists()


def test_a_journal_is_only_ever_added_to(tmp_path: Path) -> None:
    """Lines go to the end wherever reading has come to."""
    (tmp_path / "journal").write_bytes(b"one\n")
    with filesystem.open_journal(tmp_path / "journal") as journal:
        journal.seek(0)
        journal.write(b"two\n")
        journal.seek(0)
        assert journal.read() == b"one\ntwo\n"


def test_changes_of_a_file_are_seen(tmp_path: Path) -> None:
    """Other bytes and another length show in the open file; so does that nothing can be known of it."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    os.utime(path, ns=(0, 10**18))
    with path.open("rb") as file:
        unchanged = filesystem.unchanged_since(file, filesystem.stamp(path.stat()))
        assert unchanged()
        path.read_bytes()
        assert unchanged()
        with path.open("r+b") as other:
            other.write(b"C")
        assert not unchanged()
        os.utime(path, ns=(0, 10**18))
        assert unchanged()
        os.truncate(path, 3)
        os.utime(path, ns=(0, 10**18))
        assert not unchanged()
