"""What files need that differs between POSIX and Windows: positioned I/O, locks, space set aside, an atomic finish."""

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from doctl.atomic import TRAP, is_trap

STRETCH: Final = 128 * 1024
"""Bytes written at a time. For a whole piece Linux takes large blocks of memory, which in a virtual machine are those
that it gave back to its host: writing a GiB so took 1.7 processor seconds more."""

_seeking = threading.Lock()

RENAMES_OPEN_FILES: Final = sys.platform != "win32"
"""Whether a file may get another name while somebody has it open."""


Stamp = tuple[int, int]
"""What differs once a file has been changed: its size, and the time of its last change in nanoseconds."""


def stamp(status: os.stat_result) -> Stamp:
    """Return the stamp of a file with this status."""
    return status.st_size, status.st_mtime_ns


def unchanged_since(file: BinaryIO, before: Stamp) -> Callable[[], bool]:
    """Return a check that the open ``file`` still has the stamp it had ``before``."""

    def unchanged() -> bool:
        try:
            return stamp(os.fstat(file.fileno())) == before
        except OSError:
            return False

    return unchanged


def open_exclusive(path: Path) -> BinaryIO:
    """Open ``path`` for reading and writing, made if absent; BlockingIOError while another process has it so.

    What is opened is what other processes find under that name, and has no other name: not a file that somebody has
    just given its final name, nor one that kept two names because that was interrupted. Links are not followed.
    """
    file = os.fdopen(_open(path, os.O_RDWR), "r+b", buffering=0)
    try:
        _lock(file)
        status = os.fstat(file.fileno())
        if not os.path.samestat(status, path.lstat()):
            raise BlockingIOError(errno.EWOULDBLOCK, "another process has just finished it", str(path))
        if status.st_nlink > 1:
            path.unlink()
            file.close()
            return open_exclusive(path)
    except BaseException:
        file.close()
        raise
    return file


def open_journal(path: Path) -> BinaryIO:
    """Open ``path`` for reading and for adding at its end, made if absent; links are not followed."""
    return os.fdopen(_open(path, os.O_RDWR | os.O_APPEND), "a+b", buffering=0)


def _open(path: Path, how: int) -> int:
    """Open ``path``; PermissionError where it may be a trap: its owner could change what has been verified."""
    handle = os.open(path, how | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0), 0o666)
    try:
        if is_trap(path):
            raise PermissionError(errno.EPERM, TRAP, str(path))
    except BaseException:
        os.close(handle)
        raise
    return handle


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(1 << 43)  # a byte that no data reaches: a lock on data would stop readers. Wine goes to 16 TiB only
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(errno.EWOULDBLOCK, "locked by another process") from error
        file.seek(0)

    def write_at(file: BinaryIO, data: memoryview, offset: int) -> None:
        """Write all of ``data`` at ``offset``; safe from several threads."""
        with _seeking:
            file.seek(offset)
            while data:
                data = data[file.write(data) :]

    def read_at(file: BinaryIO, buffer: memoryview, offset: int) -> int:
        """Fill ``buffer`` from ``offset`` and return how many bytes there were; safe from several threads."""
        with _seeking:
            file.seek(offset)
            filled = 0
            while filled < len(buffer) and (count := file.readinto(buffer[filled:])):  # type: ignore[attr-defined]
                filled += count
            return filled

    def reserve(file: BinaryIO, length: int) -> None:
        """Set ``length`` bytes of disk space aside."""
        with _seeking:
            file.truncate(length)

    def publish(part: Path, final: Path, *, replace: bool) -> None:
        """Rename ``part`` to ``final`` in one step; FileExistsError if that is there and ``replace`` is not set."""
        if replace:
            part.replace(final)
        else:
            part.rename(final)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write_at(file: BinaryIO, data: memoryview, offset: int) -> None:
        """Write all of ``data`` at ``offset``; safe from several threads."""
        while data:
            count = os.pwrite(file.fileno(), data[:STRETCH], offset)
            data, offset = data[count:], offset + count

    def read_at(file: BinaryIO, buffer: memoryview, offset: int) -> int:
        """Fill ``buffer`` from ``offset`` and return how many bytes there were; safe from several threads."""
        filled = 0
        while filled < len(buffer):
            count = os.preadv(file.fileno(), [buffer[filled:]], offset + filled)
            if count == 0:
                break
            filled += count
        return filled

    def reserve(file: BinaryIO, length: int) -> None:
        """Set ``length`` bytes of disk space aside where the file system can, so that a full disk shows at once."""
        if length and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, length)
        file.truncate(length)

    def publish(part: Path, final: Path, *, replace: bool) -> None:
        """Rename ``part`` to ``final`` in one step; FileExistsError if that is there and ``replace`` is not set."""
        if replace:
            part.replace(final)
        else:
            _rename_without_replacing(part, final)
        _sync_folder(final.parent)

    def _rename_without_replacing(part: Path, final: Path) -> None:
        try:
            final.hardlink_to(part)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: the check and the rename are then two steps
            if final.exists():
                raise FileExistsError(errno.EEXIST, "exists", str(final)) from None
            part.replace(final)
        else:
            part.unlink()

    def _sync_folder(folder: Path) -> None:
        with contextlib.suppress(OSError):  # some file systems cannot, and the data itself is safe already
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
