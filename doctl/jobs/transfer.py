"""The transfer of one file: a store, an engine, its sources, and the swarm that gets the verified pieces."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from doctl.endpoints import Address
from doctl.errors import ContentError
from doctl.jobs.caching import CacheFirst, notes_file, unfit
from doctl.jobs.fetch_result import MODES, WITHOUT_PEERS, FetchJob
from doctl.jobs.finding import Finder, Joining, Place
from doctl.jobs.listening import listen_for_peers
from doctl.jobs.minding import minding
from doctl.jobs.neighbours import Callers, near
from doctl.sources.http import HttpSource
from doctl.sources.peer import PeerSource
from doctl.transfer import filesystem
from doctl.transfer.content import Content
from doctl.transfer.desk import Kind
from doctl.transfer.engine import Engine
from doctl.transfer.limits import RateLimit
from doctl.transfer.link import Link
from doctl.transfer.node import Node
from doctl.transfer.origin import Origin, stream
from doctl.transfer.share import Share
from doctl.transfer.store import Store
from doctl.transfer.stream_store import StreamStore
from doctl.transfer.upload import SLOTS, Slots
from doctl.wire.hash_file import content_id, encode

LOOK: Final = 0.5
"""Seconds between two reports of progress."""


class Transfer:
    """Carries out an order once it is known what is to be had; notes in ``result`` how it goes."""

    def __init__(self, job: FetchJob) -> None:
        self._job = job
        self._order = job.order
        self._result = job.result
        self._manners: set[str] = set()
        self._hopes: list[Callable[[], bool]] = []
        """Whether those who bring sources may yet bring one."""

    # -- pieces

    async def pieces(self, path: Path, content: Content, origin: Origin | None, joining: Joining | None) -> None:
        """Fetch ``content`` to ``path`` from the origin, if it can be used, and from peers, if they can be trusted.

        ``joining`` finds peers; a service that was asked for and cannot be used leaves those that were named.
        """
        self._result.length = content.length
        if content.hash_of_hashes is not None:
            self._result.hash_of_hashes = encode(content.hash_of_hashes)
        store = Store(path, content, validator=origin.validator if origin else None, force=self._order.force)
        try:
            self._result.resumed_bytes = await asyncio.to_thread(store.resume)
            if content.hash_of_hashes is None or self._order.mode in WITHOUT_PEERS or not self._has_swarm(joining):
                await self._alone(store, origin)
            else:
                await self._with_swarm(store, origin, joining)
        finally:
            store.close()

    def _has_swarm(self, joining: Joining | None) -> bool:
        order = self._order
        return order.rendezvous is None or joining is not None or bool(order.peers) or order.local_discovery

    async def _alone(self, store: Store, origin: Origin | None) -> None:
        self._result.mode = 99
        if self._order.mode in WITHOUT_PEERS:
            self._result.mode = self._order.mode
            where = f"comes from {self._order.mode_from}" if self._order.mode_from else "was asked for"
            self._result.mode_reason = f"HTTP only: download mode {self._order.mode} {where}"
        engine = self._engine(store, start=0)
        async with self._watched(engine, "downloading"), self._fed(engine, origin):
            self._keep(store, await engine.run())
            await asyncio.to_thread(store.sync)
        store.publish()

    async def _with_swarm(self, store: Store, origin: Origin | None, joining: Joining | None) -> None:
        self._result.mode = self._order.mode
        self._result.mode_reason = self._who_may_come(joining)
        async with self._share(store) as share, Node(self._job.network) as node:
            node.add(share)
            listener = await listen_for_peers(self._job.network, self._order.listen)
            node.accept_on(listener)
            self._job.say(f"giving verified pieces to peers on {listener.address}")
            engine = self._engine(store, start=self._first_piece(store.content, joining))
            engine.on_verified = share.verified_piece

            def welcome(link: Link) -> None:
                engine.add(self._caller(link))

            share.on_link = welcome
            for address in self._order.peers:
                engine.add(self._called(node, share, address))
            port = listener.address.port
            async with self._found(joining, engine, node, share, port), self._near(engine, node, share, port):
                async with self._watched(engine, "downloading"), self._fed(engine, origin):
                    self._keep(store, await engine.run())
                    await asyncio.to_thread(store.sync)
                share.on_link = lambda _link: None
                self._publish(store, share)
                await self._seed(engine)

    @contextlib.asynccontextmanager
    async def _near(self, engine: Engine, node: Node, share: Share, port: int) -> AsyncIterator[None]:
        """Find peers on the local network while the block runs, if that was asked for."""
        if not self._order.local_discovery:
            yield
            return
        callers = Callers(engine, node, share, self._job.network.now)
        async with near(self._job.network, port, callers.call, self._job.say):
            yield

    def _who_may_come(self, joining: Joining | None) -> str:
        order = self._order
        named = f"{len(order.peers)} named with --peer, others may come"
        where = f" (mode from {order.mode_from})" if order.mode_from else ""
        if joining is None or order.rendezvous is None:
            return f"peers: {named}{where}"
        plain = ", asked over plain HTTP" if order.rendezvous.plain else ""
        return f"peers: {MODES[order.mode]}, found by {order.rendezvous.url}{plain}; {named}{where}"

    @contextlib.asynccontextmanager
    async def _found(
        self, joining: Joining | None, engine: Engine, node: Node, share: Share, port: int
    ) -> AsyncIterator[None]:
        """Find peers through the coordination service while the block runs, if there is one."""
        rendezvous, ledger = self._order.rendezvous, self._result.ledger
        if joining is None or rendezvous is None:
            yield
            return
        place = Place(
            content_id=content_id(share.swarm_hash),
            url=self._order.url,
            peer_id=node.peer_id,
            port=port,
            left=engine.bytes_missing,
            received=ledger.bytes_from.__getitem__,
            sent=lambda: sum(peer.bytes_sent for peer in ledger.peers.values()),
        )
        finder = Finder(joining, rendezvous, place, say=self._job.say)
        self._hopes.append(lambda: finder.hopeful)
        async with finder.at_work(engine, node, share, self._job.network.now):
            yield

    def _first_piece(self, content: Content, joining: Joining | None) -> int:
        """Return where to begin: anywhere among machines that find each other, so that they have something to swap.

        With named peers alone at the first piece: the whole file's digest follows the pieces in their order, and would
        have to wait until the first one comes.
        """
        found = joining is not None or self._order.local_discovery
        return secrets.randbelow(content.pieces) if found and content.pieces else 0

    @contextlib.asynccontextmanager
    async def _share(self, store: Store) -> AsyncIterator[Share]:
        slots = Slots(SLOTS, self._job.network.now)
        limit = RateLimit(self._order.max_up)
        file = store.reader()
        share = Share(store.content, file, store.verified, ledger=self._result.ledger, slots=slots, limit=limit)
        share.on_manners = self._tell_manners
        try:
            async with minding(self._job.network, self._order.settings, slots, self._job.say):
                yield share
        finally:
            share.file.close()

    def _engine(self, store: Store, start: int) -> Engine:
        limit = RateLimit(self._order.max_down)
        engine = Engine(store, self._result.ledger, self._job.network.now, start=start, limit=limit)
        engine.say = self._job.say
        engine.more_may_come = lambda: any(hope() for hope in self._hopes)
        return engine

    @contextlib.asynccontextmanager
    async def _fed(self, engine: Engine, origin: Origin | None) -> AsyncIterator[None]:
        """Give ``engine`` the origin as a source, or the cache host with the origin behind it."""
        host = self._order.cache_host
        why = unfit(self._order.url, engine.content) if host is not None else None
        if why is not None:
            self._job.say(f"the cache {host} is not asked: {why}")
        if host is None or why is not None:
            if origin is not None:
                engine.add(HttpSource(self._job.client, origin))
            yield
            return
        first = CacheFirst(self._job, host, origin, notes_file())
        self._hopes.append(lambda: first.trying)
        feeding = asyncio.create_task(first.feed(engine))
        try:
            yield
        finally:
            feeding.cancel()

    def _tell_manners(self, means: str) -> None:
        """Say once by what uploads give way, to who wants to know."""
        if self._order.verbose and means not in self._manners:
            self._manners.add(means)
            self._job.say(f"uploads give way to everything else: {means}")

    def _called(self, node: Node, share: Share, address: Address) -> PeerSource:
        async def dial() -> Link:
            return await node.dial(address, share, self._order.timeout)

        return PeerSource(str(address), Kind.LAN, dial, self._job.network.now)

    def _caller(self, link: Link) -> PeerSource:
        async def at_hand() -> Link:
            return link

        remote = link.connection.remote
        return PeerSource(str(remote), link.account.kind, at_hand, self._job.network.now, redial=False)

    def _keep(self, store: Store, digest: str) -> None:
        """Note the digest; a file that is another than was asked for stays in part only where a hash file vouches."""
        self._result.sha256 = digest
        if self._order.sha256 in (None, digest):
            return
        if store.content.hashes is None:
            store.discard()
            raise self._other(digest, "it was not kept")
        raise self._other(digest, "its pieces are as the hash file has them, and are kept for the right --sha256")

    def _other(self, digest: str | None, kept: str) -> ContentError:
        return ContentError(f"the file's SHA-256 is {digest}, not {self._order.sha256} as asked for; {kept}")

    def _publish(self, store: Store, share: Share) -> None:
        if filesystem.RENAMES_OPEN_FILES:
            store.publish()
        else:
            share.file.close()
            store.publish()
            share.file = store.reader()
        whole = filesystem.stamp(os.fstat(share.file.fileno()))
        share.unchanged = filesystem.unchanged_since(share.file, whole)

    async def _seed(self, engine: Engine) -> None:
        if self._order.seed_for:
            self._job.say(f"{self._result.file} is whole; giving pieces to peers for {self._order.seed_for:g} s more")
            async with self._watched(engine, "seeding"):
                await asyncio.sleep(self._order.seed_for)

    @contextlib.asynccontextmanager
    async def _watched(self, engine: Engine, state: str) -> AsyncIterator[None]:
        async def look() -> None:
            while True:
                self._job.watch(engine.progress(state))
                await asyncio.sleep(LOOK)

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            self._job.watch(engine.progress(state))

    # -- a stream

    async def stream(self, path: Path, origin: Origin) -> None:
        """Fetch to ``path`` what comes from an origin that does not say how much that is."""
        self._result.mode_reason = "HTTP only: the origin does not say how long the file is"
        limit = RateLimit(self._order.max_down)
        store = StreamStore(path, force=self._order.force)
        try:
            async for chunk in stream(self._job.client, origin):
                await limit.take(len(chunk))
                await asyncio.to_thread(store.write, chunk)
                self._result.ledger.book("", Kind.HTTP, len(chunk), self._job.network.now())
            self._result.sha256, self._result.length = store.sha256, store.length
            if self._order.sha256 not in (None, store.sha256):
                raise self._other(store.sha256, "it was not kept")
            await asyncio.to_thread(store.publish)
        finally:
            store.close()
