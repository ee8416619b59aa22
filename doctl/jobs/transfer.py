"""The transfer of one file: a store, an engine, its sources, and the swarm that gets the verified pieces."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

from doctl.errors import ContentError, NetworkError
from doctl.jobs.alongside import alongside
from doctl.jobs.conditions import Subject
from doctl.jobs.feeding import Feeding, Judging
from doctl.jobs.fetch_result import WITHOUT_PEERS, FetchJob
from doctl.jobs.finding import Joining
from doctl.jobs.listening import listen_for_peers
from doctl.jobs.manners import told_once
from doctl.jobs.minding import Minder, minding
from doctl.jobs.peering import Peering
from doctl.jobs.upload_count import UploadCount, count_file
from doctl.settings import may_have_peers
from doctl.sources.peer import PeerSource
from doctl.transfer import filesystem
from doctl.transfer.background import Ledbat
from doctl.transfer.content import Content
from doctl.transfer.desk import Kind
from doctl.transfer.engine import Engine
from doctl.transfer.limits import Intake, RateLimit
from doctl.transfer.link import Link
from doctl.transfer.node import Node
from doctl.transfer.origin import Origin, stream
from doctl.transfer.share import Share
from doctl.transfer.store import Store
from doctl.transfer.stream_store import StreamStore
from doctl.transfer.upload import SLOTS, Slots

LOOK: Final = 0.5
"""Seconds between two reports of progress."""


class Transfer:
    """Carries out an order once it is known what is to be had; notes in ``result`` how it goes."""

    def __init__(self, job: FetchJob) -> None:
        self._job = job
        self._order = job.order
        self._result = job.result
        self._hopes: list[Callable[[], bool]] = []
        """Whether those who bring sources may yet bring one."""
        self._tell_manners = told_once(job.say, "downloads", wanted=job.order.verbose)
        self._share: Share | None = None

    # -- pieces

    async def pieces(
        self, path: Path, content: Content, origin: Judging, joining: Joining | None, validator: str | None
    ) -> None:
        """Fetch ``content`` to ``path`` from the origin, if it can be used, and from peers, if they can be trusted.

        ``joining`` finds peers; a service that was asked for and cannot be used leaves those that were named.
        ``validator`` is the origin's, as far as that is known by now.
        """
        self._result.length = content.length
        store = Store(path, content, validator=validator, force=self._order.force)
        try:
            self._result.resumed_bytes = await asyncio.to_thread(store.resume)
            trusted = content.hash_of_hashes is not None and self._has_swarm(joining)
            async with self._minding(path, content.length, swarm=trusted) as minder:
                if trusted and may_have_peers(self._order.settings):
                    await self._with_swarm(store, origin, joining, minder)
                else:
                    await self._alone(store, origin, minder)
        finally:
            store.close()

    def _has_swarm(self, joining: Joining | None) -> bool:
        order = self._order
        return order.rendezvous is None or joining is not None or bool(order.peers) or order.local_discovery

    @contextlib.asynccontextmanager
    async def _minding(self, path: Path, length: int | None, *, swarm: bool) -> AsyncIterator[Minder]:
        """Mind the rules while the block runs."""
        job = self._job
        subject = Subject(
            background=self._order.background,
            swarm=swarm,
            file_bytes=length,
            folder=path.parent,
            from_peers=self._from_peers,
            to_internet=self._result.ledger.sent_to_internet,
            uploads=UploadCount(count_file(), job.say) if swarm else None,
        )
        async with minding(job.network, self._order.settings, subject, job.say, self._result.rules) as minder:
            yield minder

    def _from_peers(self) -> float | None:
        """Return the bytes a second that peers bring, None where there are none."""
        if self._share is None or not self._share.links:
            return None
        return self._result.ledger.rate(self._job.network.now(), peers_only=True)

    async def _alone(self, store: Store, origin: Judging, minder: Minder) -> None:
        self._result.mode = 99
        if self._order.mode in WITHOUT_PEERS:
            self._result.mode = self._order.mode
            where = f"comes from {self._order.mode_from}" if self._order.mode_from else "was asked for"
            self._result.mode_reason = f"HTTP only: download mode {self._order.mode} {where}"
        engine = self._engine(store, minder)
        async with self._watched(engine, "downloading"), self._fed(engine, origin, minder):
            self._keep(store, await engine.run())
            await asyncio.to_thread(store.sync)
        store.publish()

    async def _with_swarm(self, store: Store, origin: Judging, joining: Joining | None, minder: Minder) -> None:
        self._result.mode = self._order.mode
        self._result.mode_reason = f"HTTP only: {minder.now.why_no_peers}"
        async with self._shared(store) as share, Node(self._job.network) as node:
            node.add(share)
            minder.lead(node, share.slots)
            listener = await listen_for_peers(self._job.network, self._order.listen)
            node.accept_on(listener)
            if minder.now.peering:
                self._job.say(f"giving verified pieces to peers on {listener.address}")
            start = secrets.randbelow(store.content.pieces or 1)
            engine = self._engine(store, minder, start, node.peer_id)
            engine.on_verified = share.verified_piece
            engine.wanted_by_others = share.slots.sought

            def welcome(link: Link) -> None:
                engine.add(self._caller(link))

            share.on_link = welcome
            peering = Peering(self._job, minder, engine, node, share, joining=joining)
            self._hopes.append(lambda: peering.hopeful)
            async with peering.at_work(listener.address.port):
                await peering.gathered()
                async with self._watched(engine, "downloading"), self._fed(engine, origin, minder):
                    with _blaming(minder):
                        self._keep(store, await engine.run())
                    await asyncio.to_thread(store.sync)
                share.on_link = lambda _link: None
                self._publish(store, share)
                await self._seed(engine)

    @contextlib.asynccontextmanager
    async def _shared(self, store: Store) -> AsyncIterator[Share]:
        slots = Slots(SLOTS, self._job.network.now)
        limit = RateLimit(self._order.max_up)
        file = store.reader()
        share = Share(store.content, file, store.verified, ledger=self._result.ledger, slots=slots, limit=limit)
        share.on_manners = told_once(self._job.say, "uploads", wanted=self._order.verbose)
        self._share = share
        try:
            yield share
        finally:
            share.file.close()

    def _engine(self, store: Store, minder: Minder, start: int = 0, own: bytes = b"") -> Engine:
        intake, order = self._intake(minder), self._order
        digest = order.digest or order.sha256 is not None or store.content.hash_of_hashes is None
        engine = Engine(
            store, self._result.ledger, self._job.network.now, start=start, own=own, intake=intake, digest=digest
        )
        engine.say = self._job.say
        engine.gentle = self._order.background
        engine.on_manners = self._tell_manners
        engine.more_may_come = lambda: any(hope() for hope in self._hopes)
        minder.follow(lambda now: setattr(engine, "enough", now.enough))
        return engine

    def _intake(self, minder: Minder) -> Intake:
        intake = Intake(self._order.max_down)
        minder.follow(lambda now: intake.allow(now.most, now.percent))
        minder.when_moved(lambda _gone: intake.forget_speed())
        return intake

    @contextlib.asynccontextmanager
    async def _fed(self, engine: Engine, origin: Judging, minder: Minder) -> AsyncIterator[None]:
        """Give ``engine`` what HTTP has."""
        feeding = Feeding(self._job, minder, engine.content, origin)
        self._hopes.append(lambda: feeding.hopeful)
        async with feeding.at_work(engine):
            yield

    def _caller(self, link: Link) -> PeerSource:
        async def at_hand() -> Link:
            return link

        remote = link.connection.remote
        return PeerSource(str(remote), link.account.kind, at_hand, self._job.network.now, redial=False)

    def _keep(self, store: Store, digest: str | None) -> None:
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
        self._result.whole = True
        if self._order.seed_for:
            self._job.say(f"{self._result.file} is whole; giving pieces to peers for {self._order.seed_for:g} s more")
            async with self._watched(engine, "seeding"):
                await asyncio.sleep(self._order.seed_for)
            self._result.seeded_s = self._order.seed_for

    @contextlib.asynccontextmanager
    async def _watched(self, engine: Engine, state: str) -> AsyncIterator[None]:
        async def look() -> None:
            while True:
                self._job.watch(engine.progress(state))
                await asyncio.sleep(LOOK)

        try:
            async with alongside(look()):
                yield
        finally:
            self._job.watch(engine.progress(state))

    # -- a stream

    async def stream(self, path: Path, origin: Origin) -> None:
        """Fetch to ``path`` what comes from an origin that does not say how much that is."""
        self._result.mode_reason = "HTTP only: the origin does not say how long the file is"
        store = StreamStore(path, force=self._order.force)
        try:
            async with self._minding(path, None, swarm=False) as minder:
                await self._stream_to(store, origin, self._intake(minder))
            self._result.sha256, self._result.length = store.sha256, store.length
            if self._order.sha256 not in (None, store.sha256):
                raise self._other(store.sha256, "it was not kept")
            await asyncio.to_thread(store.publish)
        finally:
            store.close()

    async def _stream_to(self, store: StreamStore, origin: Origin, intake: Intake) -> None:
        controller = Ledbat() if self._order.background else None
        async for chunk in stream(self._job.client, origin, controller=controller, tell=self._tell_manners):
            await intake.take(Kind.HTTP, len(chunk))
            await asyncio.to_thread(store.write, chunk)
            self._result.ledger.book("", Kind.HTTP, len(chunk), self._job.network.now())


@contextlib.contextmanager
def _blaming(minder: Minder) -> Iterator[None]:
    """Say which rules keep peers away from a download that comes to nothing without them."""
    try:
        yield
    except NetworkError as error:
        if minder.now.peering:
            raise
        raise NetworkError(f"{error} ({minder.now.why_no_peers})") from error
