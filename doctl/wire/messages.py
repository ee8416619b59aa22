"""The messages of the MS-DO peer protocol, and how each is written.

Microsoft publishes no specification. The formats are those of Wireshark's ``msdo`` dissector: TCP port 7680,
big-endian, shaped like BitTorrent. A message is a 4-byte length, then that many bytes of which the first is the id;
length 0 is a keep-alive.
"""

import struct
from dataclasses import dataclass
from typing import Final

PROTOCOL_NAME: Final = b"Swarm protocol"
VERSION: Final = bytes.fromhex("0000000100000000")
MAX_MESSAGE: Final = 0x1F4000
"""Bytes in the longest message body that Delivery Optimization was seen to accept, its id included."""
PIECE_HEADER: Final = 9
MAX_REQUEST: Final = MAX_MESSAGE - PIECE_HEADER
"""Bytes of piece data that fit into one message."""
PEER_ID_SIZE: Final = 20
"""A GUID (16 bytes) and a 4-byte suffix; 40 hex digits in service calls."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """The first bytes of both sides: which content (deduced: the HashOfHashes, 32 bytes) and who (20 bytes)."""

    swarm_hash: bytes
    peer_id: bytes

    def encode(self) -> bytes:
        """Return the 75 bytes; Wireshark knows them only when they are alone in their TCP segment."""
        return bytes([len(PROTOCOL_NAME)]) + PROTOCOL_NAME + VERSION + self.swarm_hash + self.peer_id


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Nothing but a sign of life."""

    def encode(self) -> bytes:
        """Return a length of 0."""
        return bytes(4)


@dataclass(frozen=True, slots=True)
class Choke:
    """The sender will answer no requests for now; those not yet answered are void."""

    def encode(self) -> bytes:
        """Return the 5 bytes."""
        return b"\0\0\0\1\0"


@dataclass(frozen=True, slots=True)
class Unchoke:
    """The sender will answer requests."""

    def encode(self) -> bytes:
        """Return the 5 bytes."""
        return b"\0\0\0\1\1"


@dataclass(frozen=True, slots=True)
class Interested:
    """The other side has pieces that the sender wants."""

    def encode(self) -> bytes:
        """Return the 5 bytes."""
        return b"\0\0\0\1\2"


@dataclass(frozen=True, slots=True)
class NotInterested:
    """The other side has nothing that the sender wants."""

    def encode(self) -> bytes:
        """Return the 5 bytes."""
        return b"\0\0\0\1\3"


@dataclass(frozen=True, slots=True)
class Have:
    """The sender has verified one more piece."""

    index: int

    def encode(self) -> bytes:
        """Return the 9 bytes."""
        return struct.pack(">IBI", 5, 4, self.index)


@dataclass(frozen=True, slots=True)
class Bitfield:
    """Every piece that the sender has: bit i of ``pieces`` is piece i. ``count`` is how many pieces there are."""

    pieces: int
    count: int

    def encode(self) -> bytes:
        """Return the message; on the wire the first piece is the high bit of the first byte, spare bits are zero."""
        size = -(-self.count // 8)
        return struct.pack(">IB", 1 + size, 5) + _mirrored(self.pieces.to_bytes(size, "little"))

    @classmethod
    def of_bytes(cls, body: bytes, count: int) -> "Bitfield":
        """Read a message's body, whose size the caller has checked."""
        return cls(int.from_bytes(_mirrored(body), "little"), count)


@dataclass(frozen=True, slots=True)
class Request:
    """Ask for ``length`` bytes from ``offset`` in piece ``index``."""

    index: int
    offset: int
    length: int

    def encode(self) -> bytes:
        """Return the 17 bytes."""
        return struct.pack(">IBIII", 13, 6, self.index, self.offset, self.length)


@dataclass(frozen=True, slots=True)
class Piece:
    """``length`` bytes from ``offset`` in piece ``index``; ``data`` is None where nobody wanted them any more."""

    index: int
    offset: int
    length: int
    data: memoryview | None = None

    def header(self) -> bytes:
        """Return the 13 bytes that come before the data."""
        return struct.pack(">IBII", PIECE_HEADER + self.length, 7, self.index, self.offset)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take back a request; the data may be on its way all the same."""

    index: int
    offset: int
    length: int

    def encode(self) -> bytes:
        """Return the 17 bytes."""
        return struct.pack(">IBIII", 13, 8, self.index, self.offset, self.length)


@dataclass(frozen=True, slots=True)
class Filler:
    """Bytes that mean nothing and are dropped (Wireshark calls them heap spraying)."""

    length: int

    def encode(self) -> bytes:
        """Return the message with zero bytes for filling."""
        return struct.pack(">IB", 1 + self.length, 20) + bytes(self.length)


Control = KeepAlive | Choke | Unchoke | Interested | NotInterested | Have | Bitfield | Request | Cancel | Filler
Message = Handshake | Control | Piece

_MIRROR: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _mirrored(data: bytes) -> bytes:
    """Reverse the bits in each byte."""
    return data.translate(_MIRROR)
