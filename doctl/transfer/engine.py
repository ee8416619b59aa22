"""Runs sources against the plan: one counter where they take pieces and hand them in.

A source that fails or is cancelled loses nothing: what it had taken is wanted again. The download fails only when no
source is left, when nothing comes from any of them, or when going on would be wrong (disk full, bytes disputed).
"""

import asyncio
import contextlib
import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from doctl.errors import ContentError, DoctlError, NetworkError
from doctl.report import Progress
from doctl.transfer.buffers import BufferPool
from doctl.transfer.content import Content
from doctl.transfer.desk import Kind, Source
from doctl.transfer.digest import FileDigest
from doctl.transfer.direct import LARGE
from doctl.transfer.flush import Flush
from doctl.transfer.ledger import PEER_KINDS, Ledger
from doctl.transfer.limits import Intake
from doctl.transfer.plan import Plan
from doctl.transfer.rules import ENOUGH
from doctl.transfer.store import Store

STALL: Final = 60.0
"""Seconds without a byte from any source after which a download gives up."""
TICK: Final = 0.25
"""Seconds after which waiting sources look again even if nothing happened: time alone makes others late."""
THREADS: Final = 4
"""Threads: two that hash and write keep both of a small machine's cores busy; one for the digest, one for the disk."""


class Engine:
    """The transfer of one content into one store; what sources see of it is ``desk.Desk``."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        now: Callable[[], float],
        *,
        start: int = 0,
        own: bytes = b"",
        intake: Intake | None = None,
        digest: bool = True,
    ) -> None:
        """Prepare to fetch what ``store`` lacks, choosing from piece ``start`` on; ``now`` gives monotonic seconds.

        ``own`` is the id by which peers know this machine; ``digest`` says whether the SHA-256 of the whole file is
        wanted: hashing everything once more costs as much.
        """
        self.content: Content = store.content
        self.plan = Plan(self.content.pieces, done=store.verified, start=start, own=own)
        self.ledger = ledger
        self.failures: list[tuple[Source, DoctlError]] = []
        """Sources that ended with an error, in the order they did."""
        self.say: Callable[[str], None] = lambda _line: None
        """Called with a line about a source that is in trouble, or that can do no more."""
        self.on_verified: Callable[[int], None] = lambda _piece: None
        """Called on the event loop with each piece that has been verified and written."""
        self.enough: float = ENOUGH
        """Bytes a second from peers from which on HTTP leaves to them what they have."""
        self.gentle = False
        """Whether sources are to give way to everything else."""
        self.on_manners: Callable[[str], None] = lambda _means: None
        """Called with how a source does that."""
        self.wanted_by_others: Callable[[], bool] = lambda: False
        """Whether somebody is interested in the pieces that come now."""
        self.more_may_come: Callable[[], bool] = lambda: False
        """Whether somebody may yet add a source, so that having none is no reason to give up."""
        self._store = store
        self._now = now
        self._intake = intake or Intake()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="doctl-piece")
        self._digest = FileDigest(store, self._threads) if digest else None
        self._flush = Flush(store, self._threads, self._look_at)
        self._pool = BufferPool(self.content.piece_size)
        self._sources: dict[Source, asyncio.Task[None]] = {}
        self._checks: set[asyncio.Task[None]] = set()
        self._disputed: Counter[int] = Counter()
        self._change = asyncio.Event()
        self._fatal: BaseException | None = None
        self._last_byte = now()
        self._fed_since = math.inf
        self._held_up = 0
        self._over = False

    # -- running

    async def run(self) -> str | None:
        """Fetch everything from the sources added before and meanwhile; return the digest in hex, if it is wanted."""
        self._last_byte = self._now()
        self._advance_digest()
        ticking = asyncio.create_task(self._tick())
        try:
            while not self.plan.complete:
                self._give_up_if_hopeless()
                await self.changed()
            return await self._digest.finish() if self._digest else None
        finally:
            self._over = True
            ticking.cancel()
            await self._stop()

    def add(self, source: Source) -> asyncio.Task[None]:
        """Set a source to work, now or while the engine runs; the task ends when the source can do no more.

        One that comes when all is over is given nothing to do: nobody would ever end it.
        """
        if source.kind in PEER_KINDS:
            self.plan.add_peer(source)
        else:
            self.plan.add_everything(source)
            self._fed_since = min(self._fed_since, self._now())
        self._sources[source] = task = asyncio.create_task(self._drive(source))
        task.add_done_callback(lambda _task: self._part_with(source))
        task.add_done_callback(self._look_at)
        if self._over:
            task.cancel()
        return task

    def drop_peers(self) -> None:
        """Take peers from work; what they had taken is wanted again."""
        for source, task in self._sources.items():
            if source.kind in PEER_KINDS:
                task.cancel()

    def progress(self, state: str = "downloading") -> Progress:
        """Return how far it has come."""
        return Progress(
            done=self.content.length - self.bytes_missing(),
            total=self.content.length,
            rate=self.ledger.rate(self._now()),
            bytes_from={kind.value: count for kind, count in self.ledger.bytes_from.items()},
            peers=sum(source.kind in PEER_KINDS for source in self._sources),
            state=state,
        )

    def bytes_missing(self) -> int:
        """Return how many bytes are not yet there and right."""
        missing = self.plan.all & ~self.plan.done
        last = self.content.pieces - 1
        if missing >> max(last, 0) & 1:
            return (missing.bit_count() - 1) * self.content.piece_size + self.content.size_of(last)
        return missing.bit_count() * self.content.piece_size

    async def _drive(self, source: Source) -> None:
        try:
            await source.run(self)
        except DoctlError as error:
            self.failures.append((source, error))
            self.say(f"going on without {error}")

    def _part_with(self, source: Source) -> None:
        self.plan.remove(source)
        del self._sources[source]
        self._notify()

    def _look_at(self, ended: asyncio.Future[None]) -> None:
        """Let a bug in a source or a check, or a disk that fails, end the download, as what it is."""
        if not ended.cancelled() and (bug := ended.exception()) is not None:
            self._fatal = bug
            self._notify()

    def _give_up_if_hopeless(self) -> None:
        if self._fatal is not None:
            raise self._fatal
        if not self._sources and not self._checks and not self.more_may_come():
            raise self._reason() or NetworkError("no source is left that has the rest of the file")
        if self._stalled():
            raise self._reason() or NetworkError(f"nothing came from any source for {STALL:g} s")

    def _stalled(self) -> bool:
        """Whether the sources bring nothing, and it is not our disk or our limit that holds them up."""
        return not self._checks and not self._held_up and self._now() - self._last_byte > STALL

    def _reason(self) -> DoctlError | None:
        """The failure that best explains why nothing more comes: the origin's rather than a peer's, else the last."""
        origins = [error for source, error in self.failures if source.kind not in PEER_KINDS]
        rest = origins or [error for _, error in self.failures]
        return rest[-1] if rest else None

    def _advance_digest(self) -> None:
        if self._digest is not None:
            self._digest.advance()

    async def _stop(self) -> None:
        if self._digest is not None:
            self._digest.stop()
        while tasks := [*self._sources.values()]:  # more may come while these end
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*self._checks, return_exceptions=True)
        self._threads.shutdown(wait=True)

    # -- the counter

    def take_run(self, source: Source, most: int) -> range:
        """See ``Desk``."""
        now = self._now()
        return self.plan.take_run(source, most, now, sparing=self._sparing(source, now))

    def _sparing(self, source: Source, now: float) -> bool:
        """Whether to leave to peers what they have: while they bring enough, and where all would ask for the same."""
        from_peers = self.ledger.rate(now, peers_only=True)
        if from_peers >= max(self.enough, 1):
            return True
        if not self.plan.turns:
            return False
        if self.plan.lacking:
            return True  # the origin has better to do
        pace = self.plan.pace_of(source, now)
        from_origin = None if pace is None else self.content.piece_size / max(pace, 1e-6)
        return self.plan.turns.spares_origin(from_peers, from_origin, now - self._fed_since)

    def take_rest(self, source: Source) -> list[int]:
        """See ``Desk``."""
        return self.plan.take_rest(source, self._now())

    def take(self, source: Source, most: int) -> list[int]:
        """See ``Desk``."""
        return self.plan.take(source, most, self._now())

    def meet(self, source: Source, peer_id: bytes) -> None:
        """See ``Desk``."""
        self.plan.meet(source, peer_id)
        self._notify()

    def has(self, source: Source, pieces: int) -> None:
        """See ``Desk``."""
        self.plan.has(source, pieces)

    def forget(self, source: Source) -> None:
        """See ``Desk``."""
        self.plan.remove(source)
        self.plan.add_peer(source)
        self._notify()

    def useful(self, source: Source) -> bool:
        """See ``Desk``."""
        return self.plan.useful(source)

    def offers(self, source: Source) -> bool:
        """See ``Desk``."""
        return self.plan.offers(source, self._now())

    def still_wanted(self, piece: int) -> bool:
        """See ``Desk``."""
        return not (self.plan.done | self.plan.checking) >> piece & 1

    def give_back(self, source: Source, pieces: Iterable[int]) -> None:
        """See ``Desk``."""
        self.plan.give_back(source, pieces)
        self._notify()

    async def changed(self) -> None:
        """See ``Desk``."""
        await self._change.wait()

    async def buffer(self) -> memoryview:
        """See ``Desk``."""
        return await self._pool.take()

    def discard(self, buffer: memoryview) -> None:
        """See ``Desk``."""
        self._pool.give(buffer)

    def trouble(self, error: DoctlError) -> None:
        """See ``Desk``."""
        self.say(f"{error}; trying again")

    def tell_manners(self, means: str) -> None:
        """See ``Desk``."""
        self.on_manners(means)

    def waste(self, count: int) -> None:
        """See ``Desk``."""
        self.ledger.waste(count)

    async def may_receive(self, source: Source, count: int) -> None:
        """See ``Desk``."""
        self._held_up += 1
        try:
            await self._intake.take(source.kind, count)
        finally:
            self._held_up -= 1
        self._last_byte = self._now()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Let nobody take it for a stall that nothing comes while the block runs: it is us who hold it up."""
        self._held_up += 1
        try:
            yield
        finally:
            self._held_up -= 1
            self._last_byte = self._now()

    def deliver(self, source: Source, piece: int, buffer: memoryview) -> None:
        """See ``Desk``."""
        if not self.plan.delivered(source, piece, self._now()):
            self.ledger.waste(self.content.size_of(piece))
            self._pool.give(buffer)
            return
        check = asyncio.create_task(self._check(source, piece, buffer))
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)
        check.add_done_callback(self._look_at)

    async def _check(self, source: Source, piece: int, buffer: memoryview) -> None:
        size = self.content.size_of(piece)
        write = functools.partial(self._store.write, piece, buffer[:size], read_soon=self._read_soon())
        try:
            good = await asyncio.get_running_loop().run_in_executor(self._threads, write)
        except DoctlError as error:
            self._fatal = error
            self.plan.fail(piece)
            return
        finally:
            self._last_byte = self._now()
            self._pool.give(buffer)
            self._notify()
        if good:
            self._accept(source, piece, size)
        else:
            self._reject(source, piece, size)
        source.judged(good)

    def _read_soon(self) -> bool:
        return self.content.length < LARGE or self._digest is not None or self.wanted_by_others()

    def _accept(self, source: Source, piece: int, size: int) -> None:
        self.plan.finish(piece)
        self.ledger.book(source.name, source.kind, size, self._now())
        self._advance_digest()
        self._flush.wrote(size)
        self.on_verified(piece)

    def _reject(self, source: Source, piece: int, size: int) -> None:
        self.ledger.waste(size)
        self._disputed[piece] += source.kind is Kind.HTTP
        if self._disputed[piece] > 1:  # and nobody is to ask for it again
            self._fatal = ContentError(
                f"the origin and the hash file disagree: piece {piece} from {source.name} was wrong twice; "
                "one of the two belongs to another version of the file"
            )
        else:
            self.plan.fail(piece)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._notify()

    def _notify(self) -> None:
        self._change.set()
        self._change = asyncio.Event()
