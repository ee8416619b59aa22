"""What the rules go by: looks at this machine, its network and the transfer."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doctl.checks.vpn.verdict import judge, keyword_of
from doctl.errors import LocalError
from doctl.jobs.settings import own_addresses
from doctl.jobs.upload_count import UploadCount
from doctl.net.adapters import Adapter
from doctl.net.base import Network
from doctl.settings import IPAddress, Origin, Settings
from doctl.transfer.rules import Conditions

TIMEOUT: Final = 5.0
METERED_EVERY: Final = 6.0
"""Seconds for which an answer about metering holds, since a program has to be asked for it."""


def _none() -> None:
    """Know of no peers."""


def _nothing() -> int:
    """Count nothing."""
    return 0


@dataclass(frozen=True, slots=True)
class Subject:
    """What a transfer knows of itself: see ``Conditions``.

    ``folder`` is where its file is; ``from_peers`` gives what peers bring a second now, None where there are none;
    ``to_internet`` the bytes that Internet peers have had from it. ``uploads`` keeps these counted over the month.
    """

    background: bool = False
    fetching: bool = True
    swarm: bool = True
    file_bytes: int | None = None
    folder: Path | None = None
    from_peers: Callable[[], float | None] = _none
    to_internet: Callable[[], int] = _nothing
    uploads: UploadCount | None = None


class Looker:
    """Finds out what the world is like, again and again; what cannot change is asked once."""

    def __init__(self, network: Network, settings: Settings, subject: Subject) -> None:
        self._network = network
        self._words = settings.words("DOVpnKeywords")
        made = any(value.origin is not Origin.DEFAULT for value in settings.values.values())
        self._idle = not (made or subject.swarm)
        self._subject = subject
        self._ram: int | None = None
        self._disk: int | None = None
        self._start = asyncio.get_running_loop().time()
        self._looked = self._was_online = False
        self._metered: bool | None = None
        self._metered_until = 0.0
        self._addresses: tuple[IPAddress, ...] = ()

    async def look(self) -> Conditions:
        """Look at everything; adapters that cannot be read forbid nothing.

        Where nothing was set and there are no peers no rule can apply, and nobody need be asked.
        """
        network, subject = self._network, self._subject
        if self._idle:
            return Conditions(swarm=False)
        if not self._looked:
            self._looked, self._ram = True, await network.memory()
            self._disk = await network.disk_size(subject.folder) if subject.folder is not None else None
        adapters = await self._adapters()
        clock = network.local_time()
        return Conditions(
            background=subject.background,
            fetching=subject.fetching,
            swarm=subject.swarm,
            age=asyncio.get_running_loop().time() - self._start,
            minute=clock.hour * 60 + clock.minute,
            addresses=self._addresses,
            offline=self._was_online and adapters is not None and not self._addresses,
            vpns=tuple(each.friendly_name or each.name for each in adapters or () if self._is_vpn(each)),
            metered=await self._is_metered(),
            battery=await network.battery(),
            ram=self._ram,
            disk=self._disk,
            file_bytes=subject.file_bytes,
            from_peers=subject.from_peers(),
            sent_to_internet=await self._sent(),
        )

    async def _adapters(self) -> Sequence[Adapter] | None:
        """Return the adapters in use and note their addresses; None where the system does not tell."""
        try:
            adapters = [adapter for adapter in await self._network.adapters(TIMEOUT) if adapter.up]
        except LocalError:
            return None
        addresses = own_addresses(adapters)
        if addresses != self._addresses:
            self._metered_until = 0.0
        self._addresses = addresses
        self._was_online = self._was_online or bool(addresses)
        return adapters

    def _is_vpn(self, adapter: Adapter) -> bool:
        return judge(adapter).is_vpn or keyword_of(adapter, self._words) is not None

    async def _is_metered(self) -> bool | None:
        now = asyncio.get_running_loop().time()
        if now >= self._metered_until:
            self._metered, self._metered_until = await self._network.metered(TIMEOUT), now + METERED_EVERY
        return self._metered

    def note_uploads(self) -> None:
        """Count what was sent since the last look."""
        if self._subject.uploads is not None:
            self._subject.uploads.total(self._subject.to_internet(), self._month())

    def _month(self) -> str:
        return f"{self._network.local_time():%Y-%m}"

    async def _sent(self) -> int:
        """Return this month's bytes to Internet peers, with those of other transfers where they are counted."""
        here, uploads = self._subject.to_internet(), self._subject.uploads
        return await asyncio.to_thread(uploads.total, here, self._month()) if uploads is not None else here
