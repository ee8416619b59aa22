"""What is to be had: its length, its pieces, their hashes, and where trust in them comes from."""

from dataclasses import dataclass
from typing import Final

from doctl.wire.layout import Layout

PIECE_SIZE: Final = 1 << 20
"""Bytes in a piece where no hash file says otherwise; also what Delivery Optimization itself uses."""


@dataclass(frozen=True, slots=True)
class Content(Layout):
    """A file in pieces, and what vouches for them.

    ``hashes`` are the pieces' SHA-256 digests (32 bytes each) or None where nothing vouches for them;
    ``hash_of_hashes`` is the trusted 32-byte identity of the swarm, None without hashes.
    """

    piece_size: int = PIECE_SIZE
    hashes: tuple[bytes, ...] | None = None
    hash_of_hashes: bytes | None = None
