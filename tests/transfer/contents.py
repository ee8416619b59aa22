"""Content for tests: bytes of which no two pieces are alike, and the hashes that vouch for them."""

import hashlib
from dataclasses import dataclass, replace

from doctl.transfer.content import Content
from doctl.wire.hash_file import HashFile


@dataclass(frozen=True)
class Made:
    """Bytes, and their content."""

    data: bytes
    content: Content

    def piece(self, index: int) -> memoryview:
        """Return the bytes of a piece."""
        start = self.content.offset_of(index)
        return memoryview(self.data)[start : start + self.content.size_of(index)]

    @property
    def sha256(self) -> str:
        """The digest of all of it, in hex."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def unhashed(self) -> Content:
        """The content as it is when nothing vouches for it."""
        return replace(self.content, hashes=None, hash_of_hashes=None)


def made(pieces: int, piece_size: int = 1024, *, short: int = 5, seed: bytes = b"content") -> Made:
    """Make content of ``pieces`` pieces, the last one ``short`` bytes shorter."""
    length = max(pieces * piece_size - short, 0)
    data = hashlib.shake_128(seed).digest(length)
    digests = tuple(hashlib.sha256(data[at : at + piece_size]).digest() for at in range(0, length, piece_size))
    described = HashFile.of(length, piece_size, digests)
    return Made(data, Content(length, piece_size, digests, described.hash_of_hashes))
