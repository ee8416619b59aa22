"""Keeps a transfer among peers for as long as the rules allow it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from doctl.endpoints import Address
from doctl.jobs.alongside import alongside
from doctl.jobs.fetch_result import MODES, FetchJob
from doctl.jobs.finding import Finder, Joining, Place
from doctl.jobs.minding import Minder
from doctl.jobs.neighbours import Callers, near
from doctl.settings import DownloadMode
from doctl.sources.peer import PeerSource
from doctl.transfer.desk import Kind
from doctl.transfer.engine import Engine
from doctl.transfer.link import Link
from doctl.transfer.node import Node
from doctl.transfer.share import Share
from doctl.wire.hash_file import content_id

GATHERING: Final = 0.5
"""Seconds at most that the origin waits for peers to be found and called."""


class Peering:
    """Calls peers and is found by them, through ``joining`` where there is a service; notes in the result how."""

    def __init__(
        self, job: FetchJob, minder: Minder, engine: Engine, node: Node, share: Share, *, joining: Joining | None
    ) -> None:
        self._job = job
        self._order = job.order
        self._minder = minder
        self._engine = engine
        self._node = node
        self._share = share
        self._joining = joining
        self._finder: Finder | None = None
        self._begun = asyncio.Event()

    @property
    def hopeful(self) -> bool:
        """Whether somebody may yet find a peer."""
        return self._finder is not None and self._finder.hopeful

    @contextlib.asynccontextmanager
    async def at_work(self, port: int) -> AsyncIterator[None]:
        """Be among peers, who reach us at ``port``, while the block runs and the rules allow it."""
        async with alongside(self._go_on(port)):
            await self._begun.wait()
            yield

    async def gathered(self) -> None:
        """Wait a moment until those who are called answer, so that machines that start at once share the origin."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHERING):
                while self._looking or self._engine.plan.awaits_peers:
                    await self._engine.changed()

    @property
    def _looking(self) -> bool:
        return self._finder is not None and not self._finder.answered

    async def _go_on(self, port: int) -> None:
        try:
            while True:
                if not self._minder.now.peering:
                    self._begun.set()
                mode = await self._minder.peers_allowed()
                async with self._among_peers(mode, port):
                    self._begun.set()
                    await self._minder.peers_changed(mode)
        finally:
            self._begun.set()

    @contextlib.asynccontextmanager
    async def _among_peers(self, mode: int, port: int) -> AsyncIterator[None]:
        self._job.result.mode = mode
        self._job.result.mode_reason = self._who_may_come(mode)
        for address in self._order.peers:
            self._engine.add(self._called(address))
        async with self._found(mode, port), self._near(port):
            try:
                yield
            finally:
                self._engine.drop_peers()

    def _who_may_come(self, mode: int) -> str:
        order = self._order
        named = f"{len(order.peers)} named with --peer, others may come"
        where = f" (mode from {order.mode_from})" if order.mode_from else ""
        if self._joining is None or order.rendezvous is None:
            return f"peers: {named}{where}"
        plain = ", asked over plain HTTP" if order.rendezvous.plain else ""
        return f"peers: {MODES[mode]}, found by {order.rendezvous.url}{plain}; {named}{where}"

    def _called(self, address: Address) -> PeerSource:
        async def dial() -> Link:
            return await self._node.dial(address, self._share, self._order.timeout)

        return PeerSource(str(address), Kind.LAN, dial, self._job.network.now)

    @contextlib.asynccontextmanager
    async def _near(self, port: int) -> AsyncIterator[None]:
        """Find peers on the local network while the block runs, if that was asked for."""
        if not self._order.local_discovery:
            yield
            return
        callers = Callers(self._engine, self._node, self._share, self._job.network.now)
        async with near(self._job.network, port, callers.call, self._job.say):
            yield

    @contextlib.asynccontextmanager
    async def _found(self, mode: int, port: int) -> AsyncIterator[None]:
        """Find peers through the coordination service while the block runs, if there is one."""
        if self._joining is None or self._order.rendezvous is None:
            yield
            return
        ledger = self._job.result.ledger
        place = Place(
            content_id=content_id(self._share.swarm_hash),
            url=self._order.url,
            peer_id=self._node.peer_id,
            port=port,
            background=self._order.background,
            left=self._engine.bytes_missing,
            received=ledger.bytes_from.__getitem__,
            sent=ledger.bytes_sent,
        )
        rendezvous = replace(self._order.rendezvous, mode=DownloadMode(mode))
        self._finder = Finder(self._joining.of(rendezvous), rendezvous, place, say=self._job.say)
        try:
            async with self._finder.at_work(self._engine, self._node, self._share, self._job.network.now):
                yield
        finally:
            self._finder = None
