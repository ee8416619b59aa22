"""How content is cut into pieces: the arithmetic that hash files, peers and the transfer core share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """``length`` bytes cut into pieces of ``piece_size`` bytes, the last one shorter."""

    length: int
    piece_size: int

    @property
    def pieces(self) -> int:
        """How many pieces there are; an empty file has none."""
        return -(-self.length // self.piece_size)

    @property
    def all_pieces(self) -> int:
        """Every piece as a set of bits: bit i stands for piece i."""
        return (1 << self.pieces) - 1

    def size_of(self, index: int) -> int:
        """Bytes in piece ``index``."""
        return min(self.piece_size, self.length - index * self.piece_size)

    def offset_of(self, index: int) -> int:
        """Where piece ``index`` starts in the file."""
        return index * self.piece_size

    def holds(self, index: int, offset: int, count: int) -> bool:
        """Whether ``count`` bytes from ``offset`` lie inside piece ``index``."""
        return 0 <= index < self.pieces and offset >= 0 and count > 0 and offset + count <= self.size_of(index)
