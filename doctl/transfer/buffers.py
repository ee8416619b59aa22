"""A fixed number of buffers, each the size of a piece: what bounds the memory of a download."""

import asyncio
import mmap
from typing import Final

BUDGET: Final = 24 << 20
"""Bytes for all buffers of a download together, as long as that is at least ``FEWEST`` pieces."""
FEWEST: Final = 4
MOST: Final = 64


class BufferPool:
    """Hands out reusable buffers of ``size`` bytes and makes takers wait when all are out."""

    def __init__(self, size: int, budget: int = BUDGET) -> None:
        self.size = size
        self.count = max(FEWEST, min(MOST, budget // max(size, 1)))
        self._free: list[memoryview] = []
        self._left = asyncio.Semaphore(self.count)

    async def take(self) -> memoryview:
        """Wait for a buffer; it begins at a page of memory, as disks want it."""
        await self._left.acquire()
        return self._free.pop() if self._free else memoryview(mmap.mmap(-1, max(self.size, 1)))[: self.size]

    def give(self, buffer: memoryview) -> None:
        """Take a buffer back; it must not be used any more."""
        self._free.append(buffer)
        self._left.release()
