"""One limit on how many connections are open at once, shared by everything that opens some."""

import asyncio
from collections.abc import Callable


class Slots:
    """So many may be taken at once; who comes later waits."""

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)

    async def take(self) -> Callable[[], None]:
        """Wait for a slot and return what gives it back; giving it back twice is harmless."""
        await self._free.acquire()
        taken = True

        def give_back() -> None:
            nonlocal taken
            if taken:
                taken = False
                self._free.release()

        return give_back
