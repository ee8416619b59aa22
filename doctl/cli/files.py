"""The files that users name on the command line: reads small ones, and refuses places where none can be written."""

from pathlib import Path
from typing import Any

import typer

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


def written_to(what: str) -> Any:
    """Return the option ``--output`` of a command that writes a ``what``."""
    told = f"Write the {what} to this file, whole or not at all."
    return typer.Option("--output", metavar="FILE", callback=place, readable=False, help=told)


def place(path: Path | None) -> Path | None:
    """Refuse before the work what could not be written after it."""
    if path is not None and _is_folder(path):
        raise typer.BadParameter(f"{path} is a folder; name a file")
    return place_or_folder(path)


def place_or_folder(path: Path | None) -> Path | None:
    """Refuse what could not be written, but for a folder, in which the file has a name of its own."""
    if path is not None and not _is_folder(path) and not _is_folder(path.parent):
        raise typer.BadParameter(f"the folder {path.parent} does not exist")
    return path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:  # no right to look there, or a name that is too long
        raise typer.BadParameter(f"{printable(str(path), 200)}: {error.strerror}") from error
