"""Fixed limits on bandwidth."""

import asyncio
from typing import Final

BURST: Final = 0.25
"""Seconds' worth of bytes that may pass at once."""
SMALLEST: Final = 16 * 1024
"""Bytes below which a transfer is not cut up further, whatever the limit."""


class RateLimit:
    """A token bucket on the event loop's clock: ``rate`` bytes a second, None for no limit."""

    def __init__(self, rate: int | None = None) -> None:
        self.rate = rate
        self._free_at = 0.0

    async def take(self, count: int) -> None:
        """Wait until ``count`` more bytes may pass; calls are served in the order they come."""
        if self.rate is None:
            return
        now = asyncio.get_running_loop().time()
        start = max(self._free_at, now - BURST)
        self._free_at = start + count / self.rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)

    def share(self, most: int) -> int:
        """Return how much of ``most`` bytes to send in one go so that the limit stays smooth."""
        return most if self.rate is None else max(min(most, int(self.rate * BURST)), min(SMALLEST, most))
