"""The file on disk while it is not whole: positioned writes, a journal of verified pieces, resume, an atomic finish.

Beside the file ``NAME`` there are, until it is whole, ``NAME.doctl-part`` (the data, at its final offsets) and
``NAME.doctl-map`` (a line that says what is being fetched, then ``PIECE DIGEST`` for each verified piece). A line is
written after its piece; both outlive kill -9. After a power cut either may be torn, so nothing in them is believed:
on resume each noted piece is hashed again, against the hash file where there is one, else against its own line.
"""

import contextlib
import errno
import hashlib
import json
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from doctl.errors import LocalError
from doctl.transfer import filesystem
from doctl.transfer.content import Content
from doctl.transfer.direct import DirectWriter

PART_SUFFIX: Final = ".doctl-part"
MAP_SUFFIX: Final = ".doctl-map"
MAP_VERSION: Final = "map/1"
CRC32: Final = 4
"""Bytes of a digest where no hash file says what is right: it finds what a power cut tore, at twice the speed."""
SHA256: Final = 32
"""Bytes of a digest that is compared with the hash file's."""
DIGITS: Final = (2 * CRC32, 2 * SHA256)
LINE_LIMIT: Final = 4096
"""Bytes in the longest line of a map that is read; the first line holds a URL's validator."""


class Store:
    """One download's place on disk. Methods that touch the disk block; ``write`` may run in several threads."""

    def __init__(self, path: Path, content: Content, *, validator: str | None = None, force: bool = False) -> None:
        """Open, or go on with, the partial file of ``path``; LocalError when it cannot be had.

        ``validator`` is the origin's ETag or date: without hashes, pieces of another version are never mixed in.
        """
        self.path = path
        self.content = content
        self.verified = 0
        """The pieces that are on disk with the right hash, bit i for piece i."""
        self._force = force
        self._validator = validator
        self._lock = threading.Lock()
        self._closing = self._fresh = False
        self._part = path.with_name(path.name + PART_SUFFIX)
        self._map = path.with_name(path.name + MAP_SUFFIX)
        with explained(path), contextlib.ExitStack() as opened:
            self._data = opened.enter_context(filesystem.open_exclusive(self._part))
            self._journal = opened.enter_context(filesystem.open_journal(self._map))
            self._direct = DirectWriter(self._part, self._data)
            opened.pop_all()

    def resume(self) -> int:
        """Verify what an earlier run left and return how many bytes of it are good; then set disk space aside.

        ``close`` from another thread ends it early.
        """
        good = 0
        with explained(self.path), self._lock:
            for piece, digest in self._read_map().items():
                if self._closing:
                    return good
                if self._is_good(piece, digest):
                    self.verified |= 1 << piece
                    good += self.content.size_of(piece)
            if not self.verified:
                self._start_afresh()
            filesystem.reserve(self._data, self.content.length)
        return good

    def write(self, piece: int, data: memoryview, *, read_soon: bool = True) -> bool:
        """Hash ``data`` and, if it is right, write it as ``piece``; False if it is wrong.

        What is not ``read_soon`` need not stay in memory.
        """
        digest = _digest(data, CRC32 if self.content.hashes is None else SHA256)
        if self.content.hashes is not None and digest != self.content.hashes[piece]:
            return False
        offset = self.content.offset_of(piece)
        written = not read_soon and self._direct.write(data, offset)
        with explained(self.path), self._lock:  # the system writes for one thread at a time; others would spin
            if not written:
                filesystem.write_at(self._data, data, offset)
            self._note(b"%d %s\n" % (piece, digest.hex().encode()))
            self.verified |= 1 << piece
        return True

    def read(self, piece: int, block: memoryview) -> Iterator[memoryview]:
        """Yield a verified piece in parts, which all are read into ``block``: each is good until the next."""
        start, size = self.content.offset_of(piece), self.content.size_of(piece)
        for done in range(0, size, len(block)):
            part = block[: size - done]
            with explained(self.path):
                filesystem.read_at(self._data, part, start + done)
            yield part

    def reader(self) -> BinaryIO:
        """Open the data for reading, for sending it to peers; the caller closes it."""
        with explained(self.path):
            return (self._part if self._part.exists() else self.path).open("rb", buffering=0)

    def flush(self) -> None:
        """Make what is written so far safe on disk; more may be written meanwhile."""
        with explained(self.path):
            os.fsync(self._data.fileno())

    def sync(self) -> None:
        """Make the whole data safe on disk; takes as long as the disk does."""
        with explained(self.path):
            self._data.truncate(self.content.length)
            os.fsync(self._data.fileno())

    def publish(self) -> None:
        """Give the synced data its final name in one step; on Windows no reader may be open."""
        self._direct.close()
        with explained(self.path):
            if not filesystem.RENAMES_OPEN_FILES:
                self._data.close()
            filesystem.publish(self._part, self.path, replace=self._force)
            self._remove_map()
            self._data.close()  # last of all: it is the lock that keeps others off

    def discard(self) -> None:
        """Forget what was fetched: it turned out to be something else."""
        self.verified, self._fresh = 0, True
        self.close()

    def close(self) -> None:
        """Let go of the files; what is verified stays for the next run, an empty start does not."""
        self._closing = True
        self._direct.close()
        with self._lock:
            if self._fresh and not self.verified and not self._data.closed:
                self._remove_map()
                if not filesystem.RENAMES_OPEN_FILES:
                    self._data.close()
                self._part.unlink(missing_ok=True)
            self._journal.close()
            self._data.close()

    def _remove_map(self) -> None:
        self._journal.close()
        self._map.unlink(missing_ok=True)

    def _read_map(self) -> dict[int, bytes]:
        """Return the noted pieces and their digests; none when the map is of something else or unreadable."""
        noted: dict[int, bytes] = {}
        self._journal.seek(0)
        with open(self._journal.fileno(), "rb", closefd=False) as lines:
            line = lines.readline(LINE_LIMIT)
            if not self._continues(line):
                return {}
            while following := lines.readline(LINE_LIMIT):
                line = following
                number, _, digest = line.rstrip(b"\n").partition(b" ")
                with contextlib.suppress(ValueError):  # a torn line is a piece that was not noted
                    if number.isdigit() and int(number) < self.content.pieces and len(digest) in DIGITS:
                        noted[int(number)] = bytes.fromhex(digest.decode("ascii"))
        if not line.endswith(b"\n"):
            self._note(b"\n")  # what is noted from now on does not go on where the last line was torn
        return noted

    def _note(self, line: bytes) -> None:
        if self._journal.write(line) != len(line):
            raise OSError(errno.ENOSPC, "the line was cut short", str(self._map))

    def _start_afresh(self) -> None:
        self._data.truncate(0)
        self._journal.truncate(0)
        self._fresh = True
        facts = self._cut() | {"validator": self._validator}
        self._note(json.dumps(facts).encode() + b"\n")

    def _cut(self) -> dict[str, object]:
        return {"doctl": MAP_VERSION, "length": self.content.length, "piece_size": self.content.piece_size}

    def _continues(self, first_line: bytes) -> bool:
        """Whether a map with this first line is of the same cut, and of bytes that can be told to be the same."""
        try:
            facts = json.loads(first_line)
        except (ValueError, RecursionError):
            return False
        if not isinstance(facts, dict) or any(facts.get(key) != value for key, value in self._cut().items()):
            return False
        return self.content.hashes is not None or (
            self._validator is not None and facts.get("validator") == self._validator
        )

    def _is_good(self, piece: int, digest: bytes) -> bool:
        buffer = memoryview(bytearray(self.content.size_of(piece)))
        if filesystem.read_at(self._data, buffer, self.content.offset_of(piece)) < len(buffer):
            return False
        expected = digest if self.content.hashes is None else self.content.hashes[piece]
        return _digest(buffer, len(expected)) == expected


def _digest(data: memoryview, size: int) -> bytes:
    return zlib.crc32(data).to_bytes(size, "big") if size == CRC32 else hashlib.sha256(data).digest()


@contextlib.contextmanager
def explained(path: Path, *, kept: str = "the verified part is kept; ") -> Iterator[None]:
    """Turn an OSError into one line that says what to do."""
    try:
        yield
    except FileExistsError as error:
        raise LocalError(f"{path} is there already: choose another name with -o, or replace it with --force") from error
    except BlockingIOError as error:
        raise LocalError(f"{path} is being fetched by another doctl: wait for it, or choose another name") from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LocalError(f"no space left on the disk for {path}: {kept}free some and run it again") from error
        what = error.filename or path
        if error.errno == errno.ELOOP:
            raise LocalError(f"{what} is a symbolic link, which is not followed: remove it") from error
        raise LocalError(f"{what}: {error.strerror or error}") from error
