"""The file on disk while a stream of unknown length is written to it: all in order, an atomic finish, no resume."""

import hashlib
import os
from pathlib import Path

from doctl.transfer import filesystem
from doctl.transfer.store import PART_SUFFIX, explained


class StreamStore:
    """One stream's place on disk, ``NAME.doctl-part`` until it is whole. Every method blocks."""

    def __init__(self, path: Path, *, force: bool = False) -> None:
        self.length = 0
        """Bytes written so far."""
        self._path = path
        self._force = force
        self._hash = hashlib.sha256()
        self._published = False
        self._part = path.with_name(path.name + PART_SUFFIX)
        with explained(path):
            self._data = filesystem.open_exclusive(self._part)

    @property
    def sha256(self) -> str:
        """The digest of what was written so far, in hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Add ``data`` at the end."""
        with explained(self._path, kept=""):
            filesystem.write_at(self._data, memoryview(data), self.length)
        self._hash.update(data)
        self.length += len(data)

    def publish(self) -> None:
        """Make the data safe on disk and give it its final name in one step."""
        with explained(self._path, kept=""):
            self._data.truncate(self.length)
            os.fsync(self._data.fileno())
            if not filesystem.RENAMES_OPEN_FILES:
                self._data.close()
            filesystem.publish(self._part, self._path, replace=self._force)
        self._published = True
        self._data.close()

    def close(self) -> None:
        """Let go; what was not published is removed, since nothing could be resumed from it."""
        if not self._published:
            if not filesystem.RENAMES_OPEN_FILES:
                self._data.close()
            self._part.unlink(missing_ok=True)
        self._data.close()
