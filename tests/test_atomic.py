"""Files that are written whole or not at all."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from doctl import atomic
from doctl.errors import LocalError
from tests import need

NOBODY = 65534
LIMITED = """
import resource, signal, sys
from pathlib import Path
from doctl import atomic
from doctl.errors import LocalError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    atomic.write(Path(sys.argv[1]), b"n" * 5000)
except LocalError as error:
    print(error)
"""


def test_content_is_written_and_replaced(tmp_path: Path) -> None:
    """A new file gets the content, an existing one gets it in place of its own, and nothing else is left behind."""
    file = tmp_path / "report.json"
    atomic.write(file, b"old")
    atomic.write(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.name != "posix", reason="limits are set the POSIX way")
def test_a_full_disk_leaves_the_old_content(tmp_path: Path) -> None:
    """When the data does not fit, the old file is as it was, no temporary file is left, and the error is one line."""
    file = tmp_path / "report.json"
    file.write_bytes(b"old")
    result = subprocess.run([sys.executable, "-c", LIMITED, file], capture_output=True, text=True, check=True)
    assert result.stdout == f"cannot write {file}: File too large\n"
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.name != "posix", reason="Windows lets nobody replace a file that is being read")
def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    """While a file is written over and over, whoever reads it sees one whole content or another."""
    file = tmp_path / "metrics.prom"
    contents = [bytes([65 + n]) * 200_000 for n in range(3)]
    atomic.write(file, contents[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for content in contents:
                atomic.write(file, content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(file.read_bytes() in contents for _ in range(50))
    finally:
        stop.set()
        writer.join()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_modes_are_those_of_the_place(tmp_path: Path) -> None:
    """A new file has the mode that the umask leaves, so that a collector may read it; an old one keeps its own."""
    old = tmp_path / "old"
    old.touch()
    old.chmod(0o640)
    before = os.umask(0o022)
    try:
        atomic.write(old, b"x")
        atomic.write(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_links_are_followed_and_devices_written_to(tmp_path: Path) -> None:
    """A link stays a link, and a device such as /dev/null stays a device."""
    (tmp_path / "link").symlink_to(tmp_path / "file")
    atomic.write(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"
    atomic.write(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A folder that is missing, and a folder in the place of the file, are each one LocalError."""
    for path in (tmp_path / "missing" / "x", tmp_path):
        with pytest.raises(LocalError, match=r"\Acannot write [^\n]+\Z"):
            atomic.write(path, b"x")


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_links_in_a_circle_are_one_line(tmp_path: Path) -> None:
    """Links that lead to each other are a LocalError."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(LocalError, match=r"\Acannot write [^\n]+\Z"):
        atomic.write(tmp_path / "a", b"x")


def test_a_trap_is_no_place_to_write(tmp_path: Path) -> None:
    """Where anybody may write, another user's link or pipe is left alone, and his file replaced with its mode."""
    need.root()
    secret, folder = tmp_path / "secret", tmp_path / "tmp"
    secret.write_bytes(b"old")
    folder.mkdir()
    folder.chmod(0o1777)
    link, pipe, file = folder / "link", folder / "pipe", folder / "file"
    link.symlink_to(secret)
    os.mkfifo(pipe)
    file.touch(0o666)
    for each in (link, pipe, file):
        os.chown(each, NOBODY, NOBODY, follow_symlinks=False)
    for each in (link, pipe):
        with pytest.raises(LocalError, match="somebody else put it there"):
            atomic.write(each, b"new")
    assert secret.read_bytes() == b"old"
    atomic.write(file, b"new")
    assert (file.stat().st_uid, file.stat().st_mode & 0o022) == (0, 0)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such links")
def test_a_link_to_a_pipe_is_written_to() -> None:
    """What stands for standard output, wherever that goes, can be named as a file."""
    write = "from pathlib import Path; from doctl import atomic; atomic.write(Path('/dev/stdout'), b'x')"
    assert subprocess.run([sys.executable, "-c", write], capture_output=True, check=True).stdout == b"x"
