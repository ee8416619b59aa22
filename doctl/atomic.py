"""Writes a file whole or not at all."""

import contextlib
import os
import shutil
from pathlib import Path

from doctl.errors import LocalError


def write(path: Path, data: bytes) -> None:
    """Make ``path`` hold exactly ``data``: readers see the old content or the new, never a part; else LocalError.

    The data goes to a temporary file beside ``path``, to the disk, and then takes its place. A link is followed, an
    existing file keeps its mode, and a device or pipe, which has no old content to keep, is written to directly.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(data)
        else:
            _replace(target, data)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go round in a circle
        raise LocalError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error


def _replace(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".{target.name[:100]}.{os.urandom(8).hex()}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
