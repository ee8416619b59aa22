"""The engine: sources come, fail, lie and stall, and the file is whole in the end or the reason is told."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from doctl.errors import ContentError, DoctlError, LocalError, NetworkError, OriginError
from doctl.transfer.desk import Desk, Kind, Source
from doctl.transfer.engine import STALL, Engine
from doctl.transfer.ledger import LONGEST, Ledger
from doctl.transfer.limits import Intake
from doctl.transfer.rules import ENOUGH
from doctl.transfer.store import Store
from doctl.transfer.turns import SETTLED
from tests.transfer import virtual
from tests.transfer.contents import Made, made

MADE = made(20)
OTHER = made(20, seed=b"other")


@dataclass(eq=False)
class Scripted:
    """A source that does what its script says, and remembers what it was told of its pieces."""

    script: "Callable[[Scripted, Desk], Awaitable[None]]"
    name: str = "origin"
    kind: Kind = Kind.HTTP
    verdicts: list[bool] = field(default_factory=list)

    async def run(self, desk: Desk) -> None:
        """Do it."""
        await self.script(self, desk)

    def judged(self, good: bool) -> None:
        """Remember it."""
        self.verdicts.append(good)

    def take(self, desk: Desk, most: int = 3) -> list[int]:
        """Take pieces as its kind does."""
        return list(desk.take_run(self, most)) if self.kind is Kind.HTTP else desk.take(self, most)

    async def bring(self, desk: Desk, piece: int, data: memoryview) -> None:
        """Hand in a piece."""
        buffer = await desk.buffer()
        buffer[: len(data)] = data
        await desk.may_receive(self, len(data))
        desk.deliver(self, piece, buffer)


def peer(script: "Callable[[Scripted, Desk], Awaitable[None]]", name: str = "10.0.0.7:7680") -> Scripted:
    """Make a source that is a peer."""
    return Scripted(script, name, Kind.LAN)


def honest(source: Made = MADE) -> "Callable[[Scripted, Desk], Awaitable[None]]":
    """Bring whatever there is to bring."""

    async def script(self: Scripted, desk: Desk) -> None:
        if self.kind is not Kind.HTTP:
            desk.has(self, desk.content.all_pieces)
        while True:
            taken = self.take(desk)
            for piece in taken:
                await self.bring(desk, piece, source.piece(piece))
                await asyncio.sleep(0)
            if not taken:
                await desk.changed()

    return script


def wrong_first(*pieces: int, times: int = 1) -> "Callable[[Scripted, Desk], Awaitable[None]]":
    """Be honest but for some pieces, which come wrong so many times."""
    left = dict.fromkeys(pieces, times)

    async def script(self: Scripted, desk: Desk) -> None:
        while True:
            taken = self.take(desk)
            for piece in taken:
                wrong = left.get(piece, 0) > 0
                left[piece] = left.get(piece, 0) - 1
                await self.bring(desk, piece, (OTHER if wrong else MADE).piece(piece))
            if not taken:
                await desk.changed()

    return script


@dataclass
class Clock:
    """Seconds that go by when somebody says so."""

    time: float = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.time


@dataclass
class Download:
    """An engine and what it works with."""

    store: Store
    sources: Iterable[Scripted]
    now: Callable[[], float] = field(default_factory=Clock)
    intake: Intake | None = None
    ledger: Ledger = field(default_factory=Ledger)
    came: list[int] = field(default_factory=list)

    def start(self) -> Engine:
        """Make the engine; needs a running loop."""
        self.engine = Engine(self.store, self.ledger, self.now, intake=self.intake)
        self.engine.on_verified = self.came.append
        for source in self.sources:
            self.engine.add(source)
        return self.engine

    async def run(self) -> str:
        """Fetch everything."""
        async with asyncio.timeout(20):
            digest = await self.start().run()
        assert digest is not None
        return digest


@pytest.fixture
def store(tmp_path: Path) -> Iterable[Store]:
    """Give a place on disk."""
    with_store = Store(tmp_path / "file", MADE.content)
    with_store.resume()
    yield with_store
    with_store.close()


def whole(store: Store) -> bool:
    """Whether every piece is on disk as it should be."""
    buffer = memoryview(bytearray(store.content.piece_size))
    pieces = range(store.content.pieces)
    return store.verified == store.content.all_pieces and all(
        b"".join(map(bytes, store.read(piece, buffer))) == MADE.piece(piece) for piece in pieces
    )


# -- it goes well


def test_one_source_brings_everything(store: Store) -> None:
    """The digest of the whole file comes out, every piece was announced once, every byte is booked."""
    source = Scripted(honest())
    download = Download(store, [source])
    assert asyncio.run(download.run()) == MADE.sha256
    assert whole(store)
    assert sorted(download.came) == list(range(20))
    assert source.verdicts == [True] * 20
    assert download.ledger.bytes_from[Kind.HTTP] == MADE.content.length
    assert download.ledger.wasted == 0


def test_several_sources_share_the_work(store: Store) -> None:
    """An origin and two peers together bring every piece once, and each has its column in the books."""
    download = Download(store, [Scripted(honest()), peer(honest(), "10.0.0.7:1"), peer(honest(), "10.0.0.8:1")])
    assert asyncio.run(download.run()) == MADE.sha256
    booked = download.ledger.bytes_from
    assert booked[Kind.HTTP] + booked[Kind.LAN] == MADE.content.length
    assert sum(account.bytes_received for account in download.ledger.peers.values()) == booked[Kind.LAN] > 0


@pytest.mark.parametrize("sources", [0, 1])
def test_what_is_there_is_not_fetched(store: Store, sources: int) -> None:
    """With everything verified already the digest is all that is left to do, whether there are sources or not."""
    for piece in range(20):
        store.write(piece, MADE.piece(piece))
    download = Download(store, [Scripted(honest()) for _ in range(sources)])
    assert asyncio.run(download.run()) == MADE.sha256
    assert download.came == []


def test_an_empty_file_needs_no_source(tmp_path: Path) -> None:
    """Of no bytes every one is there, even before a source has begun."""
    empty = made(0)
    store = Store(tmp_path / "file", empty.content)
    store.resume()
    assert asyncio.run(Download(store, [Scripted(honest(empty))]).run()) == empty.sha256
    store.close()


def test_a_source_may_come_later(store: Store) -> None:
    """One that is added while the engine runs gets its share."""

    async def late() -> str:
        async def idle(_self: Scripted, _desk: Desk) -> None:
            await asyncio.Event().wait()

        running = asyncio.create_task((download := Download(store, [Scripted(idle)])).run())
        await asyncio.sleep(0)
        download.engine.add(peer(honest()))
        return await running

    assert asyncio.run(late()) == MADE.sha256


# -- sources that fail


async def gives_up(_self: Scripted, _desk: Desk) -> None:
    """Return with pieces in hand."""


async def fails(_self: Scripted, _desk: Desk) -> None:
    """Fail with pieces in hand."""
    raise NetworkError("gone")


async def is_cancelled(_self: Scripted, _desk: Desk) -> None:
    """Be cancelled with pieces in hand."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("end", [gives_up, fails, is_cancelled])
@pytest.mark.parametrize("kind", [Kind.HTTP, Kind.LAN])
def test_what_a_source_had_taken_is_brought_by_others(
    store: Store, end: Callable[[Scripted, Desk], Awaitable[None]], kind: Kind
) -> None:
    """However a source ends, nothing is lost: the file becomes whole from another."""
    took: list[int] = []

    async def script(self: Scripted, desk: Desk) -> None:
        desk.has(self, desk.content.all_pieces)
        took.extend(self.take(desk, 8))
        await self.bring(desk, took[0], MADE.piece(took[0]))
        await end(self, desk)

    failing = Scripted(script, "fails", kind)
    download = Download(store, [failing, Scripted(honest())])
    assert asyncio.run(download.run()) == MADE.sha256
    assert whole(store)
    assert len(took) > 0
    assert [(source, str(error)) for source, error in download.engine.failures] == (
        [(failing, "gone")] if end is fails else []
    )


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ([], "no source is left that has the rest of the file"),
        ([(Kind.LAN, NetworkError("peer gone"))], "peer gone"),
        ([(Kind.LAN, NetworkError("first")), (Kind.LAN, NetworkError("last"))], "last"),
        ([(Kind.HTTP, OriginError("no such file")), (Kind.LAN, NetworkError("peer gone"))], "no such file"),
    ],
)
def test_without_sources_the_reason_is_told(store: Store, failures: list[tuple[Kind, DoctlError]], told: str) -> None:
    """What ended the origin explains more than what ended a peer; nothing at all is said to be nothing at all."""

    def failing(error: DoctlError) -> Callable[[Scripted, Desk], Awaitable[None]]:
        async def script(_self: Scripted, _desk: Desk) -> None:
            raise error

        return script

    sources = [Scripted(failing(error), kind.value, kind) for kind, error in failures]
    with pytest.raises(DoctlError, match=f"^{told}$"):
        asyncio.run(Download(store, sources).run())


def test_a_source_that_comes_when_all_is_over_is_not_set_to_work(store: Store) -> None:
    """Who found a source while the last pieces came may still add it: it is asked for nothing, and nothing is left."""
    download = Download(store, [Scripted(honest())])
    begun: list[str] = []

    async def late(_self: Scripted, _desk: Desk) -> None:
        begun.append("late")

    async def run() -> bool:
        await download.run()
        task = download.engine.add(Scripted(late))
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert asyncio.run(run())
    assert begun == []


def test_a_bug_in_a_source_is_not_hidden(store: Store) -> None:
    """What no source may raise ends the download as what it is, although others could go on."""

    async def buggy(_self: Scripted, _desk: Desk) -> None:
        raise ZeroDivisionError("bug")

    with pytest.raises(ZeroDivisionError, match="bug"):
        asyncio.run(Download(store, [Scripted(buggy), peer(honest())]).run())


# -- bad pieces


def test_a_bad_piece_from_the_origin_is_asked_for_once_more(store: Store) -> None:
    """Wrong once and right then: the file is whole, and the wrong bytes are booked as wasted."""
    source = Scripted(wrong_first(3, 19))
    download = Download(store, [source])
    assert asyncio.run(download.run()) == MADE.sha256
    assert sorted(source.verdicts) == [False] * 2 + [True] * 20
    assert download.ledger.wasted == 1024 + MADE.content.size_of(19)
    assert sum(download.ledger.bytes_from.values()) == MADE.content.length


def test_an_origin_that_is_wrong_twice_disagrees_with_the_hash_file(store: Store) -> None:
    """The download ends and names the piece and the two that cannot both be right; what was right stays."""
    source = Scripted(wrong_first(3, times=2))
    with pytest.raises(
        ContentError, match="the origin and the hash file disagree: piece 3 from origin was wrong twice"
    ):
        asyncio.run(Download(store, [source]).run())
    assert source.verdicts.count(False) == 2
    assert not store.verified >> 3 & 1
    assert store.verified


def test_a_bad_piece_from_a_peer_is_no_dispute(store: Store) -> None:
    """A lying peer's pieces are thrown away, however many; the origin brings the right ones."""

    async def lies(self: Scripted, desk: Desk) -> None:
        desk.has(self, desk.content.all_pieces)
        for _ in range(5):
            for piece in self.take(desk, 4):
                await self.bring(desk, piece, OTHER.piece(piece))
            await desk.changed()

    liar = peer(lies)
    download = Download(store, [liar, Scripted(honest())])
    assert asyncio.run(download.run()) == MADE.sha256
    assert liar.verdicts.count(True) == 0
    assert liar.verdicts.count(False) >= 4
    assert download.ledger.wasted >= 4 * 1024 - 5
    assert download.ledger.bytes_from[Kind.LAN] == 0


# -- duplicates


def test_a_piece_that_comes_twice_is_booked_as_wasted(store: Store) -> None:
    """A stalled peer's piece is taken over; when it comes from there after all, it counts for nobody."""
    clock, taken_over = Clock(), asyncio.Event()

    async def stalls(self: Scripted, desk: Desk) -> None:
        desk.has(self, desk.content.all_pieces)
        (late,) = self.take(desk, 1)
        clock.time += 10
        await taken_over.wait()
        assert not desk.still_wanted(late)
        await self.bring(desk, late, MADE.piece(late))
        await asyncio.Event().wait()

    async def takes_over(self: Scripted, desk: Desk) -> None:
        count = 0
        while count < 20:
            for piece in self.take(desk, 5):
                await self.bring(desk, piece, MADE.piece(piece))
                count += 1
            await asyncio.sleep(0)
        taken_over.set()

    download = Download(store, [peer(stalls), Scripted(takes_over)], clock)

    async def run() -> str:
        digest = await download.run()
        assert download.ledger.wasted == 1024
        return digest

    assert asyncio.run(run()) == MADE.sha256
    assert sum(download.ledger.bytes_from.values()) == MADE.content.length


# -- waiting


async def silent(_self: Scripted, _desk: Desk) -> None:
    """Bring nothing, and do not end."""
    await asyncio.Event().wait()


def test_a_download_that_stalls_is_given_up(store: Store) -> None:
    """When no source brings a byte for a minute, that is said instead of waiting for ever."""

    async def stalling() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        with pytest.raises(NetworkError, match="nothing came from any source for 60 s"):
            await Download(store, [Scripted(silent), peer(silent)], loop.time).start().run()
        assert STALL <= loop.time() - start < STALL + 1

    virtual.run(stalling())


def test_a_limit_is_no_stall(store: Store) -> None:
    """Bytes that our own limit holds back for minutes are not missing."""

    async def limited() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        assert await Download(store, [Scripted(honest())], loop.time, Intake(10)).start().run() == MADE.sha256
        return loop.time() - start

    assert virtual.run(limited()) >= MADE.content.length / 10 - 1


class SlowStore(Store):
    """A disk that takes its time with the first piece, until somebody lets it go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, MADE.content)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def write(self, piece: int, data: memoryview, *, read_soon: bool = True) -> bool:
        """Wait before writing."""
        self.begun.set()
        self.go_on.wait(20)
        return super().write(piece, data, read_soon=read_soon)


def test_a_slow_disk_is_no_stall(tmp_path: Path) -> None:
    """As long as a piece is being written, it is not the sources that are waited for."""
    store, clock = SlowStore(tmp_path / "file"), Clock()
    store.resume()

    async def slow() -> str:
        running = asyncio.create_task((download := Download(store, [Scripted(honest())], clock)).run())
        await asyncio.to_thread(store.begun.wait)
        for _ in range(3):
            clock.time += STALL
            await download.engine.changed()
        store.go_on.set()
        return await running

    assert asyncio.run(slow()) == MADE.sha256
    store.close()


# -- ends


class FullStore(Store):
    """A disk that is full from some piece on."""

    def write(self, piece: int, data: memoryview, *, read_soon: bool = True) -> bool:
        """Fail as a full disk does."""
        if self.verified.bit_count() >= 5:
            raise LocalError("no space left on the disk")
        return super().write(piece, data, read_soon=read_soon)


class BuggyStore(Store):
    """A disk with a bug in it."""

    def write(self, piece: int, data: memoryview, *, read_soon: bool = True) -> bool:
        """Fail as nothing should."""
        raise ZeroDivisionError("bug")


@pytest.mark.parametrize(
    ("kind", "error", "kept"), [(FullStore, LocalError("no space"), 5), (BuggyStore, ZeroDivisionError("bug"), 0)]
)
def test_a_disk_that_fails_ends_the_download(tmp_path: Path, kind: type[Store], error: Exception, kept: int) -> None:
    """Going on would be no use: the reason is told at once, and what was verified stays for the next run."""
    store = kind(tmp_path / "file", MADE.content)
    store.resume()
    with pytest.raises(type(error), match=str(error)):
        asyncio.run(Download(store, [Scripted(honest()), peer(silent)]).run())
    assert kept <= store.verified.bit_count() <= kept + 3
    store.close()
    again = Store(tmp_path / "file", MADE.content)
    again.resume()
    assert again.verified == store.verified
    again.close()


def test_calling_it_off_ends_everything(store: Store) -> None:
    """A cancelled download leaves no task and no thread at work, and keeps what was verified."""

    async def calling_off() -> None:
        async def slowly(self: Scripted, desk: Desk) -> None:
            for piece in self.take(desk, 1):
                await self.bring(desk, piece, MADE.piece(piece))
            await silent(self, desk)

        download = Download(store, [Scripted(slowly), peer(honest(OTHER)), peer(silent, "10.0.0.8:1")])
        verified = asyncio.Event()
        engine = download.start()
        engine.on_verified = lambda _piece: verified.set()
        running = asyncio.create_task(engine.run())
        await verified.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not [each for each in threading.enumerate() if each.name.startswith("doctl-piece")]

    asyncio.run(calling_off())
    assert store.verified


def test_a_source_that_comes_while_it_ends_is_ended_too(store: Store) -> None:
    """A peer that connects in the last moment does not outlive the download."""

    async def ending() -> None:
        async def adds_another(self: Scripted, desk: Desk) -> None:
            try:
                await silent(self, desk)
            finally:
                download.engine.add(peer(silent))

        download = Download(store, [Scripted(adds_another)])
        running = asyncio.create_task(download.run())
        await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(ending())


# -- what is told on the way


def test_progress_counts_what_is_there_and_what_came(store: Store) -> None:
    """Done is what is on disk, from earlier runs too; the short last piece counts as what it is."""
    for piece in (4, 19):
        store.write(piece, MADE.piece(piece))

    async def looking() -> None:
        download = Download(store, [peer(silent), Scripted(silent), peer(silent, "10.0.0.8:1")])
        engine = download.start()
        before = engine.progress()
        assert (before.done, before.total) == (2 * 1024 - 5, MADE.content.length)
        assert (before.rate, before.peers, before.state) == (0.0, 2, "downloading")
        assert before.bytes_from == {"http": 0, "cache": 0, "lan": 0, "group": 0, "internet": 0}
        engine.add(Scripted(honest(), "second origin"))
        await engine.run()
        after = engine.progress("seeding")
        assert (after.done, after.total, after.state, after.peers) == (MADE.content.length,) * 2 + ("seeding", 0)
        assert after.bytes_from["http"] == MADE.content.length - 2 * 1024 + 5
        assert after.rate > 0

    asyncio.run(looking())


def everything_for(engine: Engine, server: Source) -> set[int]:
    """Let HTTP take all that it may just now."""
    return {piece for run in iter(lambda: engine.take_run(server, 5), range(0)) for piece in run}


def in_a_swarm(store: Store, clock: Clock) -> tuple[Download, Engine, Scripted, list[Scripted]]:
    """Let an engine begin that has an origin and two peers that fetch as well."""
    download = Download(store, [], clock)
    engine, server, others = download.start(), Scripted(silent), [peer(silent), peer(silent)]
    for source in (server, *others):
        engine.add(source)
    for name, other in zip((b"other", b"third"), others, strict=True):
        engine.meet(other, name)
    return download, engine, server, others


async def end(engine: Engine) -> None:
    """Stop what has begun."""
    running = asyncio.create_task(engine.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_a_swarm_shares_its_origin(store: Store) -> None:
    """Beside others that fetch, HTTP gets what is its turn of what nobody has, and nothing else meanwhile."""

    async def sharing() -> None:
        clock = Clock()
        _, engine, server, (other, _third) = in_a_swarm(store, clock)
        engine.has(other, 0b11)
        assert everything_for(engine, server) <= {2, 3}
        clock.time += SETTLED
        assert everything_for(engine, server) <= {2, 3}  # what comes next is due when one of them is there
        await end(engine)

    asyncio.run(sharing())


def test_an_origin_is_tried_with_one_piece_of_what_peers_have(store: Store) -> None:
    """How fast it is shows only when it is asked; if others were sooner, it is slow: that is no reason to ask again."""

    async def trying() -> None:
        clock = Clock()
        download, engine, server, (other, third) = in_a_swarm(store, clock)
        engine.has(other, 0b11)
        engine.has(third, engine.plan.all & ~0b1)
        clock.time += 2 * SETTLED
        (piece,) = everything_for(engine, server)
        clock.time += 4.0
        assert not everything_for(engine, server)
        engine.plan.delivered(third, piece, clock.time)
        engine.plan.finish(piece)
        download.ledger.book("10.0.0.7:7680", Kind.LAN, MADE.content.piece_size, clock.time)
        assert not everything_for(engine, server)
        clock.time += LONGEST
        assert everything_for(engine, server)  # but peers that bring nothing are
        await end(engine)

    asyncio.run(trying())


def test_http_spares_what_fast_peers_have(store: Store) -> None:
    """While peers bring enough, HTTP is left with what none of them has; when they no longer do, it takes the rest."""

    async def sparing() -> None:
        clock = Clock()
        download = Download(store, [], clock)
        engine, server, other = download.start(), Scripted(silent), peer(silent)
        for source in (server, other):
            engine.add(source)
        engine.has(other, (1 << 20) - 1 - 0b1000)
        download.ledger.book("10.0.0.7:7680", Kind.LAN, ENOUGH, clock.time)
        assert [list(engine.take_run(server, 5)) for _ in range(2)] == [[3], []]
        clock.time += 60
        assert list(engine.take_run(server, 5)) == [4]
        await end(engine)

    asyncio.run(sparing())
