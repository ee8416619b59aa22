"""Fetching from peers over real connections: deep enough, from any mix of peers, and whatever they do wrong."""

import asyncio
import contextlib
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from doctl.endpoints import Address
from doctl.errors import DoctlError, NetworkError, ProtocolError, RefusedError
from doctl.net.system import SystemNetwork
from doctl.sources.peer import BAD_PIECES, STALLED, PeerSource
from doctl.transfer.asking import PACKET
from doctl.transfer.buffers import BufferPool
from doctl.transfer.desk import Desk, Kind
from doctl.transfer.engine import Engine
from doctl.transfer.ledger import Ledger, PeerAccount
from doctl.transfer.limits import RateLimit
from doctl.transfer.link import Link
from doctl.transfer.node import Node
from doctl.transfer.share import Share
from doctl.transfer.store import Store
from doctl.transfer.upload import SLOTS, Slots
from doctl.wire import messages as m
from tests.transfer.contents import Made, made
from tests.transfer.talker import LOOPBACK, SECONDS, Behaviour, Talker, calling, listening
from tests.transfer.test_swarm_live import run, seeding, until

MADE = made(12, 40_000)
WRONG = made(12, 40_000, seed=b"wrong")
BLOCKS = made(4, 3 << 20)
LIAR = b"liar" * 5
Now = Callable[[], float]


@dataclass
class Fetch:
    """A download with all that belongs to it, and where its own peers reach it."""

    store: Store
    share: Share
    node: Node
    engine: Engine
    address: Address
    now: Now
    retry_after: tuple[float, ...] = ()

    def from_peer(self, address: Address) -> PeerSource:
        """Add a peer to call."""

        async def dial() -> Link:
            return await self.node.dial(address, self.share, SECONDS)

        source = PeerSource(str(address), Kind.LAN, dial, self.now, retry_after=self.retry_after)
        self.engine.add(source)
        return source

    def from_caller(self, link: Link) -> None:
        """Add a peer that has called."""

        async def at_hand() -> Link:
            return link

        self.engine.add(PeerSource(link.account.address, Kind.LAN, at_hand, self.now, redial=False))

    async def whole(self, source: Made = MADE) -> bool:
        """Fetch everything; whether it is right."""
        return await self.engine.run() == source.sha256

    def account(self, address: Address) -> PeerAccount:
        """Return a peer's account."""
        return self.engine.ledger.peers[str(address)]


@contextlib.asynccontextmanager
async def fetching(
    folder: Path,
    *addresses: Address,
    source: Made = MADE,
    have: range = range(0),
    now: Now | None = None,
    retry_after: tuple[float, ...] = (),
) -> AsyncIterator[Fetch]:
    """Fetch ``source`` from peers, giving what has come to whoever calls; some pieces may be there already."""
    network = SystemNetwork()
    store = Store(folder / f"fetched-{secrets.token_hex(4)}", source.content)
    store.resume()
    for piece in have:
        store.write(piece, source.piece(piece))
    ledger, slots = Ledger(), Slots(SLOTS, network.now)
    try:
        with store.reader() as file:
            share = Share(source.content, file, store.verified, ledger=ledger, slots=slots, limit=RateLimit())
            async with Node(network) as node:
                node.add(share)
                listener = await network.listen(LOOPBACK)
                engine = Engine(store, ledger, network.now)
                engine.on_verified = share.verified_piece
                fetch = Fetch(store, share, node, engine, listener.address, now or network.now, retry_after)
                share.on_link = fetch.from_caller
                node.accept_on(listener)
                for address in addresses:
                    fetch.from_peer(address)
                yield fetch
    finally:
        store.close()


async def offer(peer: Talker) -> None:
    """Have everything, and answer."""
    await peer.say(m.Bitfield(peer.content.all_pieces, peer.content.pieces), m.Unchoke())


async def answer(peer: Talker, source: Made = MADE) -> None:
    """Answer every request until the other side hangs up."""
    while (request := await peer.asked()) is not None:
        await peer.give(request, source)


def honest(source: Made = MADE) -> Behaviour:
    """Give whatever is asked for."""

    async def behave(peer: Talker) -> None:
        await offer(peer)
        await answer(peer, source)

    return behave


# -- it goes well


@pytest.mark.parametrize(
    "source",
    [made(1, 1 << 20, short=1), made(2000, 1 << 10), made(30, 1 << 18), BLOCKS],
    ids=["one piece", "pieces of 1 KiB", "pieces of 256 KiB", "pieces of several requests"],
)
def test_everything_comes_from_one_doctl(tmp_path: Path, source: Made) -> None:
    """Whatever the size of its pieces, a file comes whole from another doctl, and both keep the same books."""

    async def fetch() -> None:
        async with seeding(tmp_path, source) as seed, fetching(tmp_path, seed.address, source=source) as fetch:
            assert await fetch.whole(source)
            account = fetch.account(seed.address)
            assert (account.kind, account.bad_pieces, account.banned) == (Kind.LAN, 0, False)
            assert account.bytes_received == source.content.length
            assert [each.bytes_sent for each in seed.ledger.peers.values()] == [source.content.length]
            assert fetch.engine.ledger.wasted == 0

    run(fetch())


def test_two_halves_make_a_whole_for_both(tmp_path: Path) -> None:
    """Over one connection each side fetches what the other has; neither needs anybody else."""

    async def exchange() -> None:
        async with fetching(tmp_path, have=range(6)) as one, fetching(tmp_path, one.address, have=range(6, 12)) as two:
            second = asyncio.create_task(two.whole())
            await until(lambda: bool(one.share.links))
            assert await one.whole()
            assert await second
            half = MADE.content.offset_of(6)
            assert one.engine.ledger.bytes_from[Kind.LAN] == MADE.content.length - half
            assert two.engine.ledger.bytes_from[Kind.LAN] == half

    run(exchange())


@pytest.mark.skipif(sys.platform != "linux", reason="a second address of loopback")
@pytest.mark.parametrize("source", [MADE, BLOCKS], ids=["small pieces", "pieces of several requests"])
def test_a_gentle_fetch_asks_bit_by_bit_and_gets_everything(source: Made, tmp_path: Path) -> None:
    """In the background pieces come in small requests, each byte once, and it is said how that gives way."""

    async def fetch() -> None:
        told: list[str] = []
        async with (
            seeding(tmp_path, source, at=Address("127.0.0.2", 0)) as seed,
            fetching(tmp_path, source=source) as to,
        ):
            to.engine.gentle, to.engine.on_manners = True, told.append
            to.from_peer(seed.address)
            assert await to.whole(source)
            assert [each.bytes_sent for each in seed.ledger.peers.values()] == [source.content.length]
            assert to.engine.ledger.wasted == 0
        assert told == ["LEDBAT++ of doctl's own, by asking for less"]

    run(fetch())


@pytest.mark.skipif(sys.platform != "linux", reason="a second address of loopback")
def test_a_gentle_fetch_asks_again_for_what_a_choke_made_void(tmp_path: Path) -> None:
    """Requests that a choke made void are asked for anew after the unchoke, and nothing of a piece is lost."""
    asked: list[int] = []

    async def moody(peer: Talker) -> None:
        await offer(peer)
        for number in range(6):
            request = await peer.asked()
            assert request is not None
            asked.append(request.length)
            await (peer.say(m.Choke(), m.Unchoke()) if number % 2 else peer.give(request, MADE))
        await answer(peer)

    async def fetch() -> None:
        async with listening(moody, MADE.content, at=Address("127.0.0.2", 0)) as remote, fetching(tmp_path) as to:
            to.engine.gentle = True
            to.from_peer(remote.address)
            assert await to.whole()
        assert max(asked) <= 4 * PACKET

    run(fetch())


@pytest.mark.parametrize(
    ("first", "turns"),
    [(m.Bitfield(MADE.content.all_pieces, 12), False), (m.Bitfield(0, 12), True), (m.Interested(), True)],
    ids=["has everything", "has nothing", "says no bitfield"],
)
def test_turns_are_taken_with_who_has_said_that_it_lacks_something(
    tmp_path: Path, first: m.Control, turns: bool
) -> None:
    """A peer is nobody to take turns with before it says what it has: a seed would for a moment look like one."""
    speak = asyncio.Event()

    async def slow(peer: Talker) -> None:
        await speak.wait()
        await peer.say(first, m.Have(0))
        await peer.is_closed()

    async def fetch() -> None:
        async with listening(slow, MADE.content) as remote, fetching(tmp_path, remote.address) as to:
            running = asyncio.create_task(to.whole())
            await until(lambda: bool(to.share.links))
            link = next(iter(to.share.links))
            await until(lambda: link.downloader is not None)
            assert not to.engine.plan.turns
            speak.set()
            await until(lambda: bool(link.pieces))
            assert bool(to.engine.plan.turns) is turns
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    run(fetch())


def test_a_turn_that_is_of_no_use_is_declined(tmp_path: Path) -> None:
    """Who has nothing that is not on its way already hears so at once, and of our interest when that changes."""
    heard: list[str] = []
    taken, declined = asyncio.Event(), asyncio.Event()

    async def first(peer: Talker) -> None:
        await offer(peer)
        await peer.asked()
        taken.set()
        await declined.wait()
        await peer.say(m.Choke())
        await answer(peer)

    async def second(peer: Talker) -> None:
        await peer.say(m.Bitfield(peer.content.all_pieces, peer.content.pieces))
        await peer.expect(m.Interested)
        await taken.wait()
        await peer.say(m.Unchoke())
        heard.append(type(await peer.hear()).__name__)
        declined.set()
        heard.append(type(await peer.hear()).__name__)
        await answer(peer)

    async def fetch() -> None:
        content = MADE.content
        async with (
            listening(first, content) as one,
            listening(second, content) as two,
            fetching(tmp_path, have=range(1, content.pieces)) as to,
        ):
            to.from_peer(two.address)
            await until(lambda: any(link.wire.interested for link in to.share.links))
            to.from_peer(one.address)
            assert await to.whole()
        assert heard == ["NotInterested", "Interested"]

    run(fetch())


def test_pieces_are_passed_on_while_they_come(tmp_path: Path) -> None:
    """Of three in a row the last one gets everything, although it knows only the middle one, which has nothing yet."""

    async def chain() -> None:
        async with (
            seeding(tmp_path, MADE, max_up=1_000_000) as seed,
            fetching(tmp_path) as middle,
            fetching(tmp_path, middle.address) as last,
        ):
            middle.from_peer(seed.address)
            assert all(await asyncio.gather(middle.whole(), last.whole()))
            assert [each.bytes_sent for each in seed.ledger.peers.values()] == [MADE.content.length]
            assert last.account(middle.address).bytes_received == MADE.content.length

    run(chain())


def test_requests_are_deep_and_bounded(tmp_path: Path) -> None:
    """Several requests are open at a time, so that the link is never idle, but never so many as to look like abuse."""
    small = made(3000, 1 << 10)
    deepest = 0

    async def behave(peer: Talker) -> None:
        waiting: list[m.Request] = []

        async def listen() -> None:
            while (request := await peer.asked()) is not None:
                waiting.append(request)

        async def answer_in_bursts() -> None:
            nonlocal deepest
            while not hearing.done():
                await asyncio.sleep(0.02)
                deepest = max(deepest, len(waiting))
                while waiting:
                    await peer.give(waiting.pop(0), small)

        await offer(peer)
        hearing = asyncio.create_task(listen())
        await answer_in_bursts()

    async def fetch() -> None:
        async with (
            listening(behave, small.content) as remote,
            fetching(tmp_path, remote.address, source=small) as fetch,
        ):
            assert await fetch.whole(small)
        assert 100 < deepest <= 256

    run(fetch())


def test_more_peers_than_buffers_do_not_block_each_other(tmp_path: Path) -> None:
    """However many pieces have begun to come, those that have memory are finished, and the others follow."""
    source = made(64, 1 << 20)
    peers = BufferPool(1 << 20).count + 2
    begun, all_begun = [0], asyncio.Event()

    async def behave(peer: Talker) -> None:
        await offer(peer)
        request = await peer.expect(m.Request)
        data = source.piece(request.index)[: request.length]
        await peer.raw(peer.wire.send_piece(request.index, request.offset, request.length))
        await peer.raw(data[:10_000])
        begun[0] += 1
        if begun[0] == peers:
            all_begun.set()
        await all_begun.wait()
        await peer.raw(data[10_000:])
        await answer(peer, source)

    async def fetch() -> None:
        async with contextlib.AsyncExitStack() as stack:
            remotes = [await stack.enter_async_context(listening(behave, source.content)) for _ in range(peers)]
            addresses = [remote.address for remote in remotes]
            fetch = await stack.enter_async_context(fetching(tmp_path, *addresses, source=source))
            async with asyncio.timeout(STALLED / 2):
                assert await fetch.whole(source)
            assert all_begun.is_set()

    run(fetch())


# -- peers that choke, mix, cancel


def test_a_choke_voids_requests_and_an_unchoke_renews_them(tmp_path: Path) -> None:
    """A peer that stops answering for a while gets its requests again when it goes on."""

    async def behave(peer: Talker) -> None:
        await offer(peer)
        for _ in range(3):
            await peer.give(await peer.expect(m.Request), MADE)
            await peer.say(m.Choke())
            await asyncio.sleep(0.01)
            await peer.say(m.Unchoke())
        await answer(peer)

    async def fetch() -> None:
        async with listening(behave, MADE.content) as remote, fetching(tmp_path, remote.address) as fetch:
            assert await fetch.whole()
            assert fetch.account(remote.address).bytes_received == MADE.content.length

    run(fetch())


def test_a_peer_that_mixes_pieces_gets_there_too(tmp_path: Path) -> None:
    """Blocks of two pieces in turns cost bytes, since only one piece a peer has memory, but nothing hangs."""

    async def behave(peer: Talker) -> None:
        await offer(peer)
        asked = [await peer.expect(m.Request) for _ in range(6)]
        assert len({request.index for request in asked}) == 2
        for request in sorted(asked, key=lambda request: request.offset):
            await peer.give(request, BLOCKS)
        await answer(peer, BLOCKS)

    async def fetch() -> None:
        async with (
            listening(behave, BLOCKS.content) as remote,
            fetching(tmp_path, remote.address, source=BLOCKS) as fetch,
        ):
            async with asyncio.timeout(STALLED / 2):
                assert await fetch.whole(BLOCKS)
            assert fetch.engine.ledger.wasted >= 1 << 20

    run(fetch())


def test_what_has_come_from_elsewhere_is_cancelled(tmp_path: Path) -> None:
    """In the middle of a piece somebody else brings it: the rest is taken back, and what came is waste.

    If that piece then turns out bad, it is asked for again, and both answers are told apart.
    """
    two, wrong = made(2, 40_000), made(2, 40_000, seed=b"wrong")
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def behave(peer: Talker) -> None:
        await offer(peer)
        first = await peer.expect(m.Request)
        second = await peer.expect(m.Request)
        await peer.raw(peer.wire.send_piece(first.index, 0, first.length))
        await peer.raw(wrong.piece(first.index)[:15_000])
        begun.set()
        assert await peer.expect(m.Cancel) == m.Cancel(first.index, 0, first.length)
        cancelled.set()
        assert await peer.expect(m.Request) == first
        await peer.raw(wrong.piece(first.index)[15_000:])
        for request in (first, second):
            await peer.give(request, two)
        await answer(peer, two)

    async def fetch() -> None:
        async with (
            listening(behave, two.content) as remote,
            fetching(tmp_path, remote.address, source=two) as fetch,
        ):
            done = asyncio.create_task(fetch.whole(two))
            await begun.wait()
            await until(lambda: fetch.engine.plan.taken == 0b11)
            assert fetch.engine.plan.delivered("somebody else", 0, 0.0)
            await cancelled.wait()
            fetch.engine.plan.fail(0)
            assert await done
            assert fetch.engine.ledger.wasted == 40_000

    run(fetch())


# -- peers that fail


def test_a_peer_that_is_lost_is_called_again(tmp_path: Path) -> None:
    """A connection that breaks in the middle of a piece costs that much; the rest comes over the next one."""
    waste = [0]

    async def breaks_off(peer: Talker) -> None:
        await offer(peer)
        for _ in range(3):
            if (request := await peer.asked()) is not None:
                await peer.give(request, MADE)
        if (request := await peer.asked()) is not None:
            await peer.raw(peer.wire.send_piece(request.index, request.offset, request.length))
            await peer.raw(MADE.piece(request.index)[:10_000])
            waste[0] += 10_000

    async def fetch() -> None:
        async with (
            listening(breaks_off, MADE.content) as remote,
            fetching(tmp_path, remote.address, retry_after=(0.0,)) as fetch,
        ):
            assert await fetch.whole()
            assert remote.calls >= 4
            assert fetch.engine.ledger.wasted == waste[0]

    run(fetch())


async def talks_nonsense(peer: Talker) -> None:
    """Shake hands, then send noise."""
    await offer(peer)
    await peer.raw(b"\xee" * 1000)
    await peer.is_closed()


async def gives_unasked(peer: Talker) -> None:
    """Send a piece that nobody asked for."""
    await offer(peer)
    await peer.raw(m.Piece(1, 1, 5).header() + b"bytes")
    await peer.is_closed()


async def hangs_up(_peer: Talker) -> None:
    """Shake hands and go."""


@pytest.mark.parametrize(
    ("behave", "error", "calls"),
    [(talks_nonsense, ProtocolError, 1), (gives_unasked, ProtocolError, 1), (hangs_up, NetworkError, 3)],
)
def test_peers_that_are_of_no_use_are_done_without(
    tmp_path: Path, behave: Behaviour, error: type[DoctlError], calls: int
) -> None:
    """Who breaks a rule is not called again, who is merely lost is, for a while; the others bring everything."""

    async def fetch() -> None:
        async with (
            listening(behave, MADE.content) as useless,
            fetching(tmp_path, useless.address, retry_after=(0.0, 0.0)) as fetch,
        ):
            with pytest.raises(error):
                await fetch.engine.run()
            assert useless.calls == calls
        async with (
            listening(behave, MADE.content) as useless,
            listening(honest(), MADE.content) as useful,
            fetching(tmp_path, useless.address, useful.address) as fetch,
        ):
            assert await fetch.whole()
            assert fetch.account(useful.address).bytes_received == MADE.content.length

    run(fetch())


def test_a_peer_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    """When nobody listens at the only peer's address, that is what ends the download."""

    async def fetch() -> None:
        listener = await SystemNetwork().listen(LOOPBACK)
        listener.close()
        async with fetching(tmp_path, listener.address, retry_after=(0.0,)) as fetch:
            with pytest.raises(RefusedError, match="connection refused"):
                await fetch.engine.run()

    run(fetch())


# -- peers that stall


@dataclass
class Clock:
    """Seconds that go by when somebody says so."""

    time: float = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.time


@pytest.mark.parametrize("chatter", [b"", m.KeepAlive().encode() + m.Filler(10).encode() + m.Have(1).encode()])
def test_a_peer_that_promises_and_sends_nothing_is_given_up(tmp_path: Path, chatter: bytes) -> None:
    """Requests that stay unanswered end the connection, however much else the peer has to say."""
    asked, clock = asyncio.Event(), Clock()

    async def behave(peer: Talker) -> None:
        await offer(peer)
        await peer.expect(m.Request)
        asked.set()
        while True:
            await peer.raw(chatter)
            await asyncio.sleep(0.01)

    async def fetch() -> None:
        async with listening(behave, MADE.content) as remote, fetching(tmp_path, remote.address, now=clock) as fetch:
            ending = asyncio.create_task(fetch.engine.run())
            await asked.wait()
            await fetch.engine.changed()
            assert not ending.done()
            clock.time += STALLED + 1
            with pytest.raises(NetworkError, match="sent nothing for 20 s"):
                await ending

    run(fetch())


def test_who_waits_for_its_turn_has_not_stalled(tmp_path: Path) -> None:
    """A peer that chokes us owes us nothing, however long."""
    clock = Clock()

    async def behave(peer: Talker) -> None:
        await peer.say(m.Bitfield(peer.content.all_pieces, peer.content.pieces))
        await peer.expect(m.Interested)
        clock.time += 10 * STALLED
        await asyncio.sleep(0.6)
        await peer.say(m.Unchoke())
        await answer(peer)

    async def fetch() -> None:
        async with listening(behave, MADE.content) as remote, fetching(tmp_path, remote.address, now=clock) as fetch:
            assert await fetch.whole()
            assert remote.calls == 1

    run(fetch())


# -- peers that lie


def test_the_third_bad_piece_bans_a_peer(tmp_path: Path) -> None:
    """A liar's pieces are thrown away; the third ends its part in this download, and the file is right."""

    async def fetch() -> None:
        async with (
            listening(honest(WRONG), MADE.content, LIAR) as liar,
            listening(honest(), MADE.content) as other,
            fetching(tmp_path, liar.address, retry_after=(0.0, 0.0)) as fetch,
        ):
            done = asyncio.create_task(fetch.whole())
            while (LIAR, "127.0.0.1") not in fetch.share.banned:
                await fetch.engine.changed()
                fetch.from_peer(other.address) if fetch.share.banned else None
            assert await done
            account = fetch.account(liar.address)
            assert (account.bytes_received, account.banned) == (0, True)
            assert account.bad_pieces >= BAD_PIECES
            assert fetch.engine.ledger.wasted >= BAD_PIECES * 40_000
            assert liar.calls == 1
            (error,) = (str(error) for _, error in fetch.engine.failures)
            assert "sent 3 bad pieces and is banned for this download" in error

    run(fetch())


class Idle:
    """A source that brings nothing, and stays."""

    name = "idle"
    kind = Kind.HTTP

    async def run(self, desk: Desk) -> None:
        """Wait."""
        await asyncio.Event().wait()

    def judged(self, good: bool) -> None:
        """Hear of nothing."""


def test_a_liar_that_comes_back_is_not_a_new_one(tmp_path: Path) -> None:
    """Bad pieces are counted over all connections of a peer, whatever port it comes from."""

    async def lie(fetch: Fetch, times: int) -> None:
        async with calling(fetch.address, MADE.content, LIAR) as liar:
            await liar.greet()
            await liar.expect(m.Handshake)
            await offer(liar)
            before = fetch.share.bad_pieces[LIAR, "127.0.0.1"]
            for _ in range(times):
                await liar.give(await liar.expect(m.Request), WRONG)
            await until(lambda: fetch.share.bad_pieces[LIAR, "127.0.0.1"] == before + times)
            if fetch.share.banned:
                assert await liar.is_closed()
        await until(lambda: not fetch.share.links)

    async def fetch() -> None:
        async with fetching(tmp_path) as fetch:
            fetch.engine.add(Idle())
            running = asyncio.create_task(fetch.engine.run())
            await lie(fetch, 2)
            assert not fetch.share.banned
            await lie(fetch, 1)
            assert fetch.share.banned == {(LIAR, "127.0.0.1")}
            async with calling(fetch.address, MADE.content, LIAR) as liar:
                await liar.greet()
                assert await liar.hear() is None
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    run(fetch())
