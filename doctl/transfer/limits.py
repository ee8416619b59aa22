"""Limits on bandwidth, which may change at any moment."""

import asyncio
import contextlib
from typing import Final

from doctl.transfer.desk import Kind
from doctl.transfer.link_speed import LinkSpeed

BURST: Final = 0.25
"""Seconds' worth of bytes that may pass at once."""
SMALLEST: Final = 16 * 1024
"""Bytes below which a transfer is not cut up further, whatever the limit."""
SHORTEST: Final = 1e-6
"""Seconds not worth waiting for: less than clocks tell apart."""


class RateLimit:
    """A token bucket on the event loop's clock."""

    def __init__(self, rate: float | None = None) -> None:
        self._rate = rate
        self._asked = 0.0
        self._passed = 0.0
        """Bytes that were asked for, and that may have passed by ``_at``; ahead of the former by a burst at most."""
        self._at: float | None = None
        self._change = asyncio.Event()

    @property
    def rate(self) -> float | None:
        """Bytes a second, None for no limit. A new rate holds for those who wait already, too."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        if rate != self._rate:
            self._advance()
            self._rate = rate
            self._change.set()
            self._change = asyncio.Event()

    async def take(self, count: int) -> None:
        """Wait until ``count`` more bytes may pass; calls are served in the order they come."""
        if self._rate is None:
            return
        self._advance()
        self._asked += count
        turn = self._asked
        while (wait := self._wait(turn)) > SHORTEST:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._change.wait()

    def _advance(self) -> None:
        """Note what may have passed until now."""
        now = asyncio.get_running_loop().time()
        if self._rate is None:
            self._passed = self._asked
        else:
            idle = BURST if self._at is None else now - self._at
            self._passed = min(self._passed + self._rate * idle, self._asked + self._rate * BURST)
        self._at = now

    def _wait(self, turn: float) -> float:
        self._advance()
        return 0.0 if self._rate is None else (turn - self._passed) / self._rate

    def share(self, most: int) -> int:
        """Return how much of ``most`` bytes to send in one go so that the limit stays smooth."""
        return most if self._rate is None else max(min(most, int(self._rate * BURST)), min(SMALLEST, most))


class Intake:
    """What may come in: so many bytes a second from everywhere, and a part of the link's speed from beyond the LAN."""

    def __init__(self, option: int | None = None) -> None:
        """``option`` is bytes a second that hold whatever else is set."""
        self._option = option
        self._all = RateLimit(option)
        self._far = RateLimit()
        self._percent: int | None = None
        self._speed = LinkSpeed()

    def allow(self, most: int | None, percent: int | None) -> None:
        """Let ``most`` bytes a second in from now on, and from others than LAN peers ``percent`` of the link's speed.

        None is no limit; nor is a percentage while the speed is not known.
        """
        self._all.rate = min((limit for limit in (self._option, most) if limit is not None), default=None)
        self._percent = percent
        self._set_far()

    def forget_speed(self) -> None:
        """Measure anew: this is another link."""
        self._speed = LinkSpeed()
        self._set_far()

    async def take(self, kind: Kind, count: int) -> None:
        """Wait until ``count`` more bytes may come from ``kind``."""
        if self._percent is not None and kind is not Kind.LAN:
            if self._speed.came(count, asyncio.get_running_loop().time()):
                self._set_far()
            await self._far.take(count)
        await self._all.take(count)

    def _set_far(self) -> None:
        speed = self._speed.limiting
        self._far.rate = speed * self._percent / 100 if speed is not None and self._percent is not None else None
