"""This month's bytes to Internet peers, counted over all runs of doctl in one small file."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from doctl import atomic
from doctl.errors import LocalError
from doctl.transfer.filesystem import open_exclusive

MOST_BYTES: Final = 1024
"""Bytes of the file that are read; it needs fewer than a hundred."""
MOST_COUNTED: Final = 1 << 62
TRIES: Final = 50
PAUSE: Final = 0.01
"""How often, and after how many seconds, it is tried again while another doctl has the file."""


def count_file() -> Path:
    """Return where uploads are counted for this user."""
    from platformdirs import user_state_path  # noqa: PLC0415 - only transfers ask

    return user_state_path("doctl", appauthor=False) / "uploads.json"


class UploadCount:
    """The count in ``file``; ``say`` hears, once, why that is of no use."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file = file
        self._say = say
        self._said = False
        self._noted = 0
        self._known = ("", 0)
        self._turn = threading.Lock()  # the last count may be due while a thread is still at the one before

    def total(self, here: int, month: str) -> int:
        """Count what is new of the ``here`` bytes of this run; return all that were sent in ``month`` (``2026-01``).

        Where the file cannot be written this run's alone count. The bytes of a run that goes past the end of a month
        belong to the month in which they are first told of.
        """
        with self._turn:
            return self._total(here, month)

    def _total(self, here: int, month: str) -> int:
        new = here - self._noted
        try:
            if not new and not self._file.exists():
                return 0
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._lock():
                return self._add(new, month)
        except BlockingIOError:  # others are at it just now: there is a next time
            known, total = self._known
            return (total if known == month else 0) + new
        except (LocalError, OSError) as error:
            self._complain(f"uploads of other runs do not count: {error}")
            return here

    def _add(self, new: int, month: str) -> int:
        total = min(self._read(month) + new, MOST_COUNTED)
        if new:
            atomic.write(self._file, json.dumps({"month": month, "bytes_to_internet": total}).encode())
        self._noted += new
        self._known = (month, total)
        return total

    def _lock(self) -> BinaryIO:
        """Be the only doctl that has the file, which Windows would else not replace; BlockingIOError if others do.

        Until what is returned is closed.
        """
        for _ in range(TRIES):
            try:
                return open_exclusive(self._file.with_suffix(".lock"))
            except BlockingIOError:
                time.sleep(PAUSE)
        return open_exclusive(self._file.with_suffix(".lock"))

    def _read(self, month: str) -> int:
        """Return what the file has for ``month``; 0 if it is of another one, or nothing that can be understood."""
        if not self._file.exists():
            return 0
        if not self._file.is_file():  # a pipe might be read, or written, for ever
            raise LocalError(f"{self._file} is no file")
        with self._file.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        try:
            return _parse(data, month)
        except ValueError as error:
            self._complain(f"{self._file} is no count of uploads ({error}): this month's begins at 0 again")
            return 0

    def _complain(self, line: str) -> None:
        if not self._said:
            self._said = True
            self._say(line)


def _parse(data: bytes, month: str) -> int:
    """Return the bytes noted for ``month``; ValueError for anything that was not written here."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    try:
        noted = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    count = noted.get("bytes_to_internet") if isinstance(noted, dict) else None
    if type(count) is not int or not 0 <= count <= MOST_COUNTED or not isinstance(noted.get("month"), str):
        raise ValueError("no month with a number of bytes")
    return count if noted["month"] == month else 0
