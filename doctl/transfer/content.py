"""What is to be had: its length, its pieces, their hashes, and where trust in them comes from."""

from dataclasses import dataclass
from typing import Final

PIECE_SIZE: Final = 1 << 20
"""Bytes in a piece where no hash file says otherwise; also what Delivery Optimization itself uses."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file cut into pieces of ``piece_size`` bytes, the last one shorter.

    ``hashes`` are the pieces' SHA-256 digests (32 bytes each) or None where nothing vouches for them;
    ``hash_of_hashes`` is the trusted 32-byte identity of the swarm, None without hashes.
    """

    length: int
    piece_size: int = PIECE_SIZE
    hashes: tuple[bytes, ...] | None = None
    hash_of_hashes: bytes | None = None

    @property
    def pieces(self) -> int:
        """How many pieces there are; an empty file has none."""
        return -(-self.length // self.piece_size)

    def size_of(self, index: int) -> int:
        """Bytes in piece ``index``."""
        return min(self.piece_size, self.length - index * self.piece_size)

    def offset_of(self, index: int) -> int:
        """Where piece ``index`` starts in the file."""
        return index * self.piece_size
