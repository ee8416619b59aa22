"""Writes a file whole or not at all."""

import contextlib
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Final

from doctl.errors import LocalError

TRAP: Final = "somebody else put it there, in a folder where anybody may: remove it, or choose another place"
"""What is wrong with what ``is_trap``."""


def write(path: Path, data: bytes) -> None:
    """Make ``path`` hold exactly ``data``: readers see the old content or the new, never a part; else LocalError.

    The data goes to a temporary file beside ``path``, to the disk, and then takes its place. A link is followed, an
    existing file keeps its mode, and a device or pipe, which has no old content to keep, is written to directly: unless
    it may be a trap.
    """
    try:
        here = path.parent.resolve() / path.name
        mode = here.lstat().st_mode if os.path.lexists(here) else 0
        if mode and not stat.S_ISREG(mode) and is_trap(here):
            raise LocalError(f"cannot write {path}: {TRAP}")
        target = here.resolve() if stat.S_ISLNK(mode) else here  # a link that is put here from now on is replaced
        if mode and here.exists() and not here.is_file():
            here.write_bytes(data)
        else:
            _replace(target, data)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go round in a circle
        raise LocalError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error


def is_trap(path: Path) -> bool:
    """Whether what is at ``path`` is another user's, in a folder where anybody may put things.

    Linux itself follows no such links and opens no such files where ``fs.protected_*`` are set, which not all systems
    have, and which do not see what is done in steps.
    """
    if sys.platform == "win32":
        return False
    return bool(path.parent.stat().st_mode & stat.S_IWOTH) and path.lstat().st_uid not in (os.geteuid(), 0)


def _replace(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".{target.name[:100]}.{os.urandom(8).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists() and not is_trap(target):
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
