"""Minds the rules while others transfer: looks every few seconds, and suspends uploads as long as a rule says so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from doctl.checks.vpn.verdict import judge, keyword_of
from doctl.errors import LocalError
from doctl.net.adapters import Adapter, Kind
from doctl.net.base import Network
from doctl.settings import Settings
from doctl.transfer.rules import Conditions, allowed
from doctl.transfer.upload import Slots

EVERY: Final = 2.0
"""Seconds between two looks."""
TIMEOUT: Final = 5.0


@contextlib.asynccontextmanager
async def minding(
    network: Network, settings: Settings, slots: Slots, say: Callable[[str], None], *, every: float = EVERY
) -> AsyncIterator[None]:
    """Open and close ``slots`` as the rules say while the block runs; ``say`` hears of each change and its rule.

    Raises UsageError for settings that will not do.
    """
    minder = _Minder(network, settings, slots, say)
    await minder.look()
    looking = asyncio.create_task(minder.go_on(every))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


class _Minder:
    def __init__(self, network: Network, settings: Settings, slots: Slots, say: Callable[[str], None]) -> None:
        self._network = network
        self._settings = settings
        self._slots = slots
        self._say = say
        self._reasons: tuple[str, ...] = ()

    async def go_on(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            await self.look()

    async def look(self) -> None:
        """Apply the rules to what the world is like now, and tell if that changes anything."""
        now = allowed(self._settings, await conditions(self._network, self._settings))
        reasons = tuple(str(rule) for rule in now.no_uploads)
        if reasons == self._reasons:
            return
        self._reasons = reasons
        if reasons:
            self._slots.suspend()
            self._say(f"no uploads: {'; '.join(reasons)}")
        else:
            self._slots.resume()
            self._say("uploads are allowed again")


async def conditions(network: Network, settings: Settings) -> Conditions:
    """Look at what the rules about uploads go by; adapters that cannot be read forbid nothing."""
    adapters: Sequence[Adapter] = ()
    with contextlib.suppress(LocalError):
        adapters = [adapter for adapter in await network.adapters(TIMEOUT) if adapter.up]
    words = settings.words("DOVpnKeywords")
    return Conditions(
        addresses=tuple(
            address.ip for adapter in adapters if adapter.kind is not Kind.LOOPBACK for address in adapter.addresses
        ),
        vpns=tuple(
            adapter.friendly_name or adapter.name
            for adapter in adapters
            if judge(adapter).is_vpn or keyword_of(adapter, words)
        ),
        battery=await network.battery(),
    )
