"""Reads the small files that users name on the command line."""

from pathlib import Path

from doctl.errors import UsageError
from doctl.printable import printable


def content(path: Path, most: int) -> bytes:
    """Return what is in ``path``; UsageError where it cannot be read or holds more than ``most`` bytes."""
    name = printable(str(path), 200)
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{name} is not the name of a file: {error}") from error
    if len(data) > most:
        raise UsageError(f"{name} has more than {most} bytes")
    return data


def text(path: Path, most: int) -> str:
    """Return the text in ``path``, which is UTF-8 with or without a byte order mark."""
    try:
        return content(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{printable(str(path), 200)} is not UTF-8 text (byte {error.start})") from error
