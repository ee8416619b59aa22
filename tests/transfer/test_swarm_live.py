"""Giving pieces to peers over real connections: slots, limits, what is refused, and what becomes known as it comes."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from doctl.endpoints import Address
from doctl.errors import NetworkError, ProtocolError
from doctl.net.base import Controller
from doctl.net.system import SystemNetwork
from doctl.transfer import filesystem
from doctl.transfer.ledger import Ledger
from doctl.transfer.limits import RateLimit
from doctl.transfer.link import Link, Times
from doctl.transfer.node import MAX_LINKS, MAX_OF_HOST, MAX_STRANGERS, Node
from doctl.transfer.share import Share
from doctl.transfer.upload import MAX_QUEUED, SLOTS, Slots
from doctl.wire import messages as m
from tests.transfer.contents import Made, made
from tests.transfer.talker import LOOPBACK, SECONDS, Talker, calling, connected, listening

MADE = made(11, 40_000)
LARGE = made(24, 1 << 20)
OTHER = made(3, seed=b"other")
SOON = 0.05


@dataclass
class Seed:
    """A node that shares one file: what it is made of, and where it listens."""

    node: Node
    share: Share
    address: Address

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.share.ledger

    def caller(
        self, source: Made = MADE, peer_id: bytes | None = None
    ) -> contextlib.AbstractAsyncContextManager[Talker]:
        """Call it and shake hands."""
        return connected(self.address, source.content, peer_id)


@contextlib.asynccontextmanager
async def seeding(
    folder: Path,
    source: Made = MADE,
    *,
    verified: int | None = None,
    slots: int = SLOTS,
    turn: float = SECONDS,
    times: Times = Times(look=SOON / 2),  # noqa: B008 - frozen
    max_up: int | None = None,
    at: Address = LOOPBACK,
) -> AsyncIterator[Seed]:
    """Share ``source`` on loopback."""
    network, path = SystemNetwork(), folder / f"seed-{secrets.token_hex(4)}"
    path.write_bytes(source.data)
    with path.open("rb", buffering=0) as file:
        share = Share(
            source.content,
            file,
            source.content.all_pieces if verified is None else verified,
            ledger=Ledger(),
            slots=Slots(slots, network.now, turn=turn),
            limit=RateLimit(max_up),
        )
        async with Node(network, times=times) as node:
            node.add(share)
            listener = await network.listen(at)
            node.accept_on(listener)
            yield Seed(node, share, listener.address)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test, and see that nothing of it is left running."""

    async def whole() -> None:
        async with asyncio.timeout(30):
            await work
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody tells of."""
    while not condition():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(SOON / 10)


async def quiet(talker: Talker, seconds: float = 4 * SOON) -> bool:
    """Whether nothing but keep-alives comes for a while."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while isinstance(await talker.hear(), m.KeepAlive):
                pass
            return False
    return True


# -- giving


def test_requests_of_any_length_are_answered(tmp_path: Path) -> None:
    """After the handshake comes the bitfield; who is interested is unchoked and gets what it asks for, in order."""

    async def asking() -> None:
        size, last = 40_000, MADE.content.size_of(10)
        requests = [
            m.Request(0, 0, size), m.Request(1, 0, 1), m.Request(1, size - 1, 1), m.Request(2, 17, 20_000),
            m.Request(10, 0, last), m.Request(10, last - 1, 1), m.Request(0, 0, size),
        ]  # fmt: skip
        async with seeding(tmp_path) as seed, seed.caller() as peer:
            assert await peer.hear() == m.Bitfield(MADE.content.all_pieces, 11)
            await peer.say(m.Interested())
            assert await peer.hear() == m.Unchoke()
            await peer.say(*requests[:-1])
            for request in requests[:-1]:
                index, offset, length = request.index, request.offset, request.length
                expected = m.Piece(index, offset, length, MADE.piece(index)[offset : offset + length])
                assert await peer.hear() == expected
            await peer.say(requests[-1])
            assert (await peer.expect(m.Piece)).data == MADE.piece(0)
            (account,) = seed.ledger.peers.values()
            await peer.say(m.Request(0, 0, 1))
            await peer.expect(m.Piece)  # by now all before it are booked
            assert account.bytes_sent - sum(request.length for request in requests) in (0, 1)
            assert account.address == str(peer.connection.local)

    run(asking())


def test_who_has_nothing_says_so(tmp_path: Path) -> None:
    """A share without a verified piece sends an empty bitfield: who says nothing may yet have everything."""

    async def asking() -> None:
        async with seeding(tmp_path, verified=0) as seed, seed.caller() as peer:
            assert await peer.hear() == m.Bitfield(0, 11)
            await peer.say(m.Interested())
            assert await peer.hear() == m.Unchoke()

    run(asking())


def test_a_cancelled_request_is_not_answered(tmp_path: Path) -> None:
    """What is taken back in time is not sent; a cancel of something that nobody asked for is passed over."""

    async def asking() -> None:
        async with seeding(tmp_path) as seed, seed.caller() as peer:
            await peer.say(m.Interested())
            await peer.expect(m.Unchoke)
            wanted = [m.Request(piece, 0, 30_000) for piece in range(5)]
            await peer.say(*wanted, m.Cancel(3, 0, 30_000), m.Cancel(1, 1, 1))
            assert [(await peer.expect(m.Piece)).index for _ in range(4)] == [0, 1, 2, 4]
            assert await quiet(peer)

    run(asking())


def test_requests_while_choked_are_passed_over(tmp_path: Path) -> None:
    """A request that crossed a choke is no violation and not answered later; nor is one taken back by disinterest.

    Who is interested again while nobody else waits has kept its slot.
    """

    async def asking() -> None:
        async with seeding(tmp_path) as seed, seed.caller() as peer:
            await peer.say(m.Request(1, 0, 10))
            await peer.say(m.Interested())
            await peer.expect(m.Unchoke)
            assert await quiet(peer)
            await peer.say(m.Request(2, 0, 10))
            assert (await peer.expect(m.Piece)).index == 2
            await peer.say(m.Request(3, 0, 40_000), m.NotInterested(), m.Interested(), m.Request(4, 0, 10))
            assert await peer.hear() == m.Piece(4, 0, 10, MADE.piece(4)[:10])

    run(asking())


def test_pieces_are_announced_as_they_arrive(tmp_path: Path) -> None:
    """Every connected peer hears of each new piece, unless it said that it has it; then the piece can be asked for."""

    async def asking() -> None:
        async with seeding(tmp_path, verified=0b1) as seed, seed.caller() as peer, seed.caller() as other:
            assert await peer.hear() == m.Bitfield(0b1, 11)
            assert await other.hear() == m.Bitfield(0b1, 11)
            await other.say(m.Bitfield(0b10, 11), m.Have(3), m.Interested())
            await other.expect(m.Unchoke)
            for piece in (1, 2, 3, 4):
                seed.share.verified_piece(piece)
            assert [await peer.hear() for _ in range(4)] == [m.Have(1), m.Have(2), m.Have(3), m.Have(4)]
            assert [await other.hear() for _ in range(2)] == [m.Have(2), m.Have(4)]
            await other.say(m.Request(4, 0, 40_000))
            assert (await other.expect(m.Piece)).data == MADE.piece(4)
            async with seed.caller() as later:
                assert await later.hear() == m.Bitfield(0b11111, 11)

    run(asking())


def test_what_arrives_while_hands_are_shaken_is_told_in_order(tmp_path: Path) -> None:
    """A piece that is verified in the very moment in which a connection joins is announced after the bitfield."""

    async def asking() -> None:
        heard: list[m.Message | None] = []

        async def hears(peer: Talker) -> None:
            heard.extend([await peer.hear(), await peer.hear()])

        async with seeding(tmp_path, verified=0b1) as seed, listening(hears, MADE.content) as remote:
            link = await seed.node.dial(remote.address, seed.share, SECONDS)
            seed.share.verified_piece(5)
            await link.closed.wait()
        assert heard == [m.Bitfield(0b1, 11), m.Have(5)]

    run(asking())


# -- slots


def test_three_peers_share_two_slots_in_turns(tmp_path: Path) -> None:
    """The third waits until another has had a whole piece; then that one waits, and is served again after the next."""

    async def taking_turns() -> None:
        async with seeding(tmp_path, slots=2, turn=0) as seed, contextlib.AsyncExitStack() as stack:
            first, second, third = [await stack.enter_async_context(seed.caller()) for _ in range(3)]
            for peer in (first, second):
                await peer.say(m.Interested())
                await peer.expect(m.Unchoke)
            await third.say(m.Interested())
            await first.say(m.Request(0, 0, 5))
            assert (await first.expect(m.Piece)).data == MADE.piece(0)[:5]
            await third.expect(m.Bitfield)
            assert await quiet(third)
            for ending, beginning in ((first, third), (second, first)):
                await ending.say(m.Request(0, 5, MADE.content.size_of(0) - 5))
                await ending.expect(m.Piece)
                await ending.expect(m.Choke)
                await beginning.expect(m.Unchoke)

    run(taking_turns())


@pytest.mark.parametrize("leaving", ["by a message", "by hanging up"])
def test_a_slot_that_becomes_free_goes_to_the_next(tmp_path: Path, leaving: str) -> None:
    """Without a turn being over, who waits is served as soon as somebody leaves."""

    async def leaving_one() -> None:
        async with seeding(tmp_path, slots=1) as seed, seed.caller() as first, seed.caller() as second:
            await first.say(m.Interested())
            await first.expect(m.Unchoke)
            await second.say(m.Interested())
            await second.expect(m.Bitfield)
            assert await quiet(second)
            if leaving == "by a message":
                await first.say(m.NotInterested())
                await first.expect(m.Choke)
            else:
                first.connection.close()
            await second.expect(m.Unchoke)

    run(leaving_one())


def test_all_peers_together_get_what_the_limit_allows(tmp_path: Path) -> None:
    """A limit on uploads holds for the sum of all connections."""

    async def limited() -> None:
        async with seeding(tmp_path, LARGE, max_up=1_000_000) as seed:

            async def ask() -> None:
                async with seed.caller(LARGE) as peer:
                    await peer.say(m.Interested())
                    await peer.expect(m.Unchoke)
                    await peer.say(m.Request(0, 0, 350_000))
                    await peer.expect(m.Piece)

            start = asyncio.get_running_loop().time()
            await asyncio.gather(ask(), ask())
            assert 0.4 < asyncio.get_running_loop().time() - start < 5

    run(limited())


# -- patience


def test_silence_is_broken_by_keep_alives(tmp_path: Path) -> None:
    """A connection on which we have nothing to say is kept open by saying just that."""

    async def waiting() -> None:
        times = Times(keep_alive=SOON, look=SOON / 2)
        async with seeding(tmp_path, times=times) as seed, seed.caller() as peer:
            for _ in range(3):
                await peer.expect(m.KeepAlive)

    run(waiting())


def test_a_silent_peer_is_taken_for_gone_and_a_living_one_is_not(tmp_path: Path) -> None:
    """Who says nothing for too long is hung up on; a keep-alive now and then is enough to stay."""

    async def waiting() -> None:
        times = Times(idle=4 * SOON, look=SOON / 2)
        async with seeding(tmp_path, times=times) as seed, seed.caller() as living, seed.caller() as silent:
            gone = asyncio.create_task(silent.is_closed())
            for _ in range(12):
                await living.say(m.KeepAlive())
                await asyncio.sleep(SOON)
            assert gone.done()
            await living.say(m.Interested())
            await living.expect(m.Unchoke)

    run(waiting())


def test_who_does_not_take_what_it_asked_for_loses_its_slot(tmp_path: Path) -> None:
    """A peer that stops reading is hung up on, and the next one is served."""

    async def slow() -> None:
        times = Times(slow=6 * SOON, look=SOON / 2)
        async with seeding(tmp_path, LARGE, times=times, slots=1) as seed:
            async with seed.caller(LARGE) as stuck, seed.caller(LARGE) as next_one:
                (link,) = (each for each in seed.share.links if each.connection.remote == stuck.connection.local)
                await stuck.say(m.Interested())
                await stuck.expect(m.Unchoke)
                await next_one.say(m.Interested())
                await stuck.say(*(m.Request(piece, 0, 1 << 20) for piece in range(23)))
                await next_one.expect(m.Unchoke)
                await next_one.say(m.Request(3, 0, 9))
                assert (await next_one.expect(m.Piece)).data == LARGE.piece(3)[:9]
                assert await stuck.is_closed()
            assert "too slow, took less than 1,048,576 bytes in 0.3 s" in str(link.error)

    run(slow())


def test_a_stranger_that_says_nothing_is_hung_up_on(tmp_path: Path) -> None:
    """Who connects has to say what it wants before long."""

    async def waiting() -> None:
        times = Times(handshake=2 * SOON)
        async with seeding(tmp_path, times=times) as seed, calling(seed.address, MADE.content) as stranger:
            await stranger.raw(m.Handshake(bytes(32), bytes(20)).encode()[:40])
            assert await stranger.is_closed()

    run(waiting())


# -- who is refused


def no_greeting(data: bytes) -> Callable[[Talker], Coroutine[Any, Any, None]]:
    """Begin with other bytes than a handshake for this swarm."""

    async def begin(peer: Talker) -> None:
        await peer.raw(data)

    return begin


def after_greeting(data: bytes) -> Callable[[Talker], Coroutine[Any, Any, None]]:
    """Shake hands, become unchoked, and send bytes that break a rule."""

    async def begin(peer: Talker) -> None:
        await peer.greet()
        await peer.say(m.Interested())
        await peer.expect(m.Unchoke)
        await peer.raw(data)

    return begin


REFUSED: dict[str, Callable[[Talker], Coroutine[Any, Any, None]]] = {
    "another swarm": no_greeting(m.Handshake(bytes(32), bytes(20)).encode()),
    "another protocol": no_greeting(b"GET / HTTP/1.1\r\n\r\n"),
    "noise": no_greeting(b"\xff" * 100),
    "nothing": no_greeting(b""),
    "noise after the handshake": after_greeting(b"\xee" * 100),
    "a message of 4 GiB": after_greeting(b"\xff\xff\xff\xff\7"),
    "a piece nobody asked for": after_greeting(m.Piece(1, 0, 4).header() + b"data"),
    "a request outside": after_greeting(m.Request(11, 0, 1).encode()),
    "a piece that was never announced": after_greeting(m.Request(5, 0, 1).encode()),
    "too many requests": after_greeting(m.Request(0, 0, 40_000).encode() * (MAX_QUEUED + 2)),
    "a bitfield out of turn": after_greeting(m.Bitfield(1, 11).encode()),
}


@pytest.mark.parametrize("how", REFUSED)
def test_who_breaks_a_rule_is_hung_up_on_and_nobody_else(tmp_path: Path, how: str) -> None:
    """A connection that is not for this swarm or breaks its rules is closed; others go on as if nothing happened."""

    async def breaking() -> None:
        every_piece_but_the_sixth = MADE.content.all_pieces & ~(1 << 5)
        times = Times(handshake=4 * SOON)
        async with (
            seeding(tmp_path, verified=every_piece_but_the_sixth, times=times) as seed,
            seed.caller() as peer,
        ):
            await peer.say(m.Interested())
            await peer.expect(m.Unchoke)
            async with calling(seed.address, MADE.content) as offender:
                await REFUSED[how](offender)
                assert await offender.is_closed()
            await peer.say(m.Request(1, 0, 40_000))
            assert (await peer.expect(m.Piece)).data == MADE.piece(1)

    run(breaking())


def test_strangers_get_no_answer_before_they_name_the_swarm(tmp_path: Path) -> None:
    """Nobody learns from the first bytes what is shared here: for another swarm the line is closed without a word."""

    async def asking() -> None:
        async with seeding(tmp_path) as seed, calling(seed.address, OTHER.content) as stranger:
            await stranger.greet()
            assert await stranger.hear() is None

    run(asking())


def test_as_many_requests_as_allowed_are_answered(tmp_path: Path) -> None:
    """The limit on open requests is not reached by a downloader that fills its pipe."""

    async def asking() -> None:
        async with seeding(tmp_path) as seed, seed.caller() as peer:
            await peer.say(m.Interested())
            await peer.expect(m.Unchoke)
            await peer.say(*(m.Request(0, at, 1) for at in range(MAX_QUEUED)))
            for at in range(MAX_QUEUED):
                assert (await peer.expect(m.Piece)).offset == at

    run(asking())


def test_a_file_that_was_changed_is_no_longer_given(tmp_path: Path) -> None:
    """Bytes of a file that somebody wrote to since it was hashed would be wrong: the line is closed instead."""

    async def changing() -> None:
        async with seeding(tmp_path) as seed, seed.caller() as peer:
            hashed = filesystem.stamp(os.fstat(seed.share.file.fileno()))
            seed.share.unchanged = filesystem.unchanged_since(seed.share.file, hashed)
            await peer.say(m.Interested())
            await peer.expect(m.Unchoke)
            await peer.say(m.Request(1, 0, 10))
            await peer.expect(m.Piece)
            (link,) = seed.share.links
            os.truncate(seed.share.file.name, len(MADE.data) + 1)
            await peer.say(m.Request(2, 0, 10))
            assert await peer.is_closed()
            await link.closed.wait()
            assert "was changed since it was hashed: it is not shared any more" in str(link.error)

    run(changing())


def test_a_file_that_became_shorter_ends_the_connection(tmp_path: Path) -> None:
    """Where nobody watches for changes, bytes that are no longer there cannot be sent: no others take their place."""

    async def cutting() -> None:
        async with seeding(tmp_path) as seed, seed.caller() as peer:
            await peer.say(m.Interested())
            await peer.expect(m.Unchoke)
            os.truncate(seed.share.file.name, 1000)
            await peer.say(m.Request(0, 0, 40_000))
            assert await peer.is_closed()

    run(cutting())


# -- one connection to each


def test_a_machine_does_not_connect_to_itself(tmp_path: Path) -> None:
    """Its own address among the peers is noticed by the peer id."""

    async def dialling() -> None:
        async with seeding(tmp_path) as seed:
            with pytest.raises(NetworkError, match=r"is this machine itself|hung up at the handshake"):
                await seed.node.dial(seed.address, seed.share, SECONDS)
            await asyncio.sleep(SOON)
            assert not seed.share.links

    run(dialling())


def test_a_second_connection_of_the_same_peer_is_refused(tmp_path: Path) -> None:
    """One connection to a peer is enough; the first goes on."""

    async def calling_twice() -> None:
        async with seeding(tmp_path) as seed, seed.caller(peer_id=b"x" * 20) as first:
            await first.expect(m.Bitfield)
            async with calling(seed.address, MADE.content, b"x" * 20) as second:
                await second.greet()
                assert await second.hear() is None
            await first.say(m.Interested())
            await first.expect(m.Unchoke)

    async def waits(peer: Talker) -> None:
        await peer.is_closed()

    async def dialling_twice() -> None:
        async with seeding(tmp_path) as seed, listening(waits, MADE.content) as remote:
            await seed.node.dial(remote.address, seed.share, SECONDS)
            with pytest.raises(NetworkError, match="connected already"):
                await seed.node.dial(remote.address, seed.share, SECONDS)
            assert len(seed.share.links) == 1

    run(calling_twice())
    run(dialling_twice())


def test_two_that_call_each_other_at_once_keep_one_connection(tmp_path: Path) -> None:
    """Whichever way their calls cross, each ends up with the same single connection."""

    async def crossing() -> None:
        async with seeding(tmp_path) as one, seeding(tmp_path) as other:
            for _ in range(5):
                dials = [
                    one.node.dial(other.address, one.share, SECONDS),
                    other.node.dial(one.address, other.share, SECONDS),
                ]
                await asyncio.gather(*dials, return_exceptions=True)
                await until(lambda: len(one.share.links) == len(other.share.links) == 1)
                await asyncio.sleep(SOON)
                (link,), (twin,) = one.share.links, other.share.links
                assert link.connection.local == twin.connection.remote
                link.end(NetworkError("next round"))
                await asyncio.gather(link.closed.wait(), twin.closed.wait())

    run(crossing())


def test_a_banned_peer_is_refused_however_it_comes(tmp_path: Path) -> None:
    """Who sent too many bad pieces can neither call nor be called."""

    async def waits(peer: Talker) -> None:
        await peer.is_closed()

    async def banning() -> None:
        async with seeding(tmp_path) as seed, listening(waits, MADE.content, b"x" * 20) as remote:
            async with seed.caller(peer_id=b"x" * 20) as peer:
                await peer.expect(m.Bitfield)
                (link,) = seed.share.links
                link.ban("lied")
                assert await peer.is_closed()
            async with calling(seed.address, MADE.content, b"x" * 20) as again:
                await again.greet()
                assert await again.hear() is None
            with pytest.raises(NetworkError, match="banned for sending bad pieces"):
                await seed.node.dial(remote.address, seed.share, SECONDS)

    run(banning())


def test_who_answers_for_another_swarm_is_not_joined(tmp_path: Path) -> None:
    """A peer that is called and names other content is let go, and its fault is said."""

    async def waits(peer: Talker) -> None:
        await peer.is_closed()

    async def dialling() -> None:
        async with seeding(tmp_path) as seed, listening(waits, OTHER.content) as remote:
            with pytest.raises(ProtocolError, match="answered for another swarm") as caught:
                await seed.node.dial(remote.address, seed.share, SECONDS)
            assert caught.value.fault == "remote"
            assert not seed.share.links

    run(dialling())


def test_a_crowd_of_strangers_shuts_nobody_out(tmp_path: Path) -> None:
    """So many may be silent at a time; for one more the first of them goes, and who says what it wants is served."""

    async def crowding() -> None:
        async with seeding(tmp_path, times=Times(handshake=3 * SECONDS)) as seed, contextlib.AsyncExitStack() as stack:
            crowd = [await stack.enter_async_context(calling(seed.address, MADE.content)) for _ in range(MAX_STRANGERS)]
            async with seed.caller() as peer:
                await peer.expect(m.Bitfield)
                assert await crowd[0].hear() is None
                await crowd[-1].greet()
                await crowd[-1].expect(m.Handshake)

    run(crowding())


def test_a_ban_is_for_an_address(tmp_path: Path) -> None:
    """Who sends bad pieces under another's id, which anybody may learn, has only himself banned."""

    async def calling_under_a_name() -> None:
        async with seeding(tmp_path) as seed:
            namesake = bytes(range(20))
            seed.share.banned.add((namesake, "192.0.2.66"))
            async with seed.caller(peer_id=namesake) as peer:
                await peer.expect(m.Bitfield)
            seed.share.banned.add((namesake, "127.0.0.1"))
            await until(lambda: not seed.share.links)
            async with calling(seed.address, MADE.content, namesake) as peer:
                await peer.greet()
                assert await peer.hear() is None

    run(calling_under_a_name())


def test_one_address_cannot_take_every_place(tmp_path: Path) -> None:
    """Callers from one address have so many connections, whatever they call themselves; the next is refused."""

    async def crowding() -> None:
        async with seeding(tmp_path) as seed, contextlib.AsyncExitStack() as stack:
            for _ in range(MAX_OF_HOST):
                peer = await stack.enter_async_context(seed.caller())
                await peer.expect(m.Bitfield)
            async with calling(seed.address, MADE.content) as late:
                await late.greet()
                assert await late.hear() is None
            assert len(seed.share.links) == MAX_OF_HOST < MAX_LINKS

    run(crowding())


def test_leaving_hangs_up_on_everybody(tmp_path: Path) -> None:
    """At the end of a node its listener and all its connections are closed, those of strangers too."""

    async def leaving() -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with seeding(tmp_path) as seed:
                peer = await stack.enter_async_context(seed.caller())
                stranger = await stack.enter_async_context(calling(seed.address, MADE.content))
            assert await peer.is_closed()
            assert await stranger.is_closed()
            with pytest.raises(NetworkError):
                await SystemNetwork().connect(seed.address, SECONDS)

    run(leaving())


# -- a peer that never stops


class Flood:
    """A connection on which there is always more to read and always room to send, for so many seconds at the most."""

    local = remote = Address("192.0.2.1", 7680)

    def __init__(self, first: bytes, again: bytes, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self._first = first
        self._again = again

    async def receive_into(self, buffer: memoryview) -> int:
        """Give the first bytes once, then the others again and again, without ever waiting."""
        data, self._first = self._first or self._again, b""
        buffer[: len(data)] = data
        return len(data) if time.monotonic() < self.end else 0

    async def send(self, data: bytes | memoryview) -> None:
        """Be ready for it."""

    async def send_file(self, file: BinaryIO, offset: int, count: int, head: bytes = b"") -> None:
        """Be ready for it."""

    def give_way(self, controller: Controller) -> str:
        """Have nobody to give way to."""
        return ""

    async def room(self, most: int) -> int:
        """Always have room."""
        return most

    def close(self) -> None:
        """Nothing is to be closed."""


@pytest.mark.parametrize(
    "again",
    [m.KeepAlive().encode() * 1000, m.Filler(10_000).encode(), m.Have(3).encode() * 100],
    ids=["keep-alives", "filler", "haves"],
)
def test_a_flood_does_not_keep_others_from_running(tmp_path: Path, again: bytes) -> None:
    """A socket that is always ready makes nobody wait by itself; the others get their turns all the same."""

    async def flooding() -> None:
        async with seeding(tmp_path) as seed:
            flood = Flood(m.Handshake(seed.share.swarm_hash, b"x" * 20).encode(), again, SECONDS / 5)
            link = Link(flood, asyncio.get_running_loop().time())
            await link.introduce(seed.share.swarm_hash, b"y" * 20)
            await link.meet()
            link.join(seed.share)
            flooded = asyncio.create_task(link.run())
            for _ in range(20):
                await asyncio.sleep(0)
            assert time.monotonic() < flood.end
            assert not flooded.done()
            flood.end = 0.0
            await flooded

    run(flooding())


class Queue:
    """A listener at which callers have queued up, so many; after them nobody comes."""

    address = Address("192.0.2.1", 7680)

    def __init__(self, callers: int) -> None:
        self.callers = callers

    async def accept(self) -> Flood:
        """Give the next caller without waiting: one that hangs up at once."""
        if not self.callers:
            await asyncio.Event().wait()
        self.callers -= 1
        return Flood(b"", b"", 0)

    def close(self) -> None:
        """Nothing is to be closed."""


def test_a_queue_of_callers_does_not_keep_others_from_running(tmp_path: Path) -> None:
    """Each caller is looked after before the next one is accepted, and everybody else has turns in between."""

    async def queueing() -> None:
        async with seeding(tmp_path) as seed:
            queue = Queue(300)
            seed.node.accept_on(queue)
            turns = 0
            while queue.callers:
                await asyncio.sleep(0)
                turns += 1
            assert turns > 200

    run(queueing())
