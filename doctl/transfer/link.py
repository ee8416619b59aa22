"""One live MS-DO connection: reads events, answers requests, and lets a source ask for pieces over it."""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from doctl.errors import FilteredError, LocalError, NetworkError, ProtocolError
from doctl.net.base import Connection
from doctl.transfer.background import Ledbat
from doctl.transfer.desk import Kind
from doctl.transfer.gathering import pause_after
from doctl.transfer.share import Share, Who
from doctl.transfer.upload import MAX_QUEUED
from doctl.wire import messages as m
from doctl.wire.swarm import SwarmConnection

T = TypeVar("T")

STRETCH: Final = 1 << 20
"""Bytes of a piece sent in one go."""
SLICE: Final = 0.005
"""Seconds after which a connection that is always ready lets others run."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long to put up with a peer, in seconds.

    ``handshake`` is for the other side to say who it is; ``keep_alive`` our own silence after which a keep-alive goes
    out; ``idle`` the other side's silence after which it is taken for gone; ``slow`` what it may take to receive one
    stretch of a piece before its slot goes to others; ``look`` is how often the clock is looked at.
    """

    handshake: float = 10.0
    keep_alive: float = 60.0
    idle: float = 180.0
    slow: float = 60.0
    look: float = 2.0


USUAL: Final = Times()


class Downloader(Protocol):
    """The half of a connection that wants pieces; ``sources.peer`` has it."""

    async def ready(self) -> None:
        """Have memory at hand for the piece that comes next."""
        ...

    def place(self, index: int, offset: int, length: int) -> memoryview | None:
        """Say where piece data goes."""
        ...

    async def arriving(self, count: int) -> None:
        """Hear that ``count`` bytes came, and wait if that was too fast."""
        ...

    def heard(self, message: m.Message) -> None:
        """Hear a message that matters to a downloader."""
        ...


class Link:
    """A connection to one peer, in one swarm; ``dialled`` by us or else by the peer.

    ``pieces`` is the set of pieces the peer says it has.
    """

    def __init__(self, connection: Connection, now: float, *, dialled: bool = False, times: Times = USUAL) -> None:
        self.connection = connection
        self.dialled = dialled
        self.wire = SwarmConnection(self._place)
        self.remote_id = b""
        self.pieces = 0
        self.downloader: Downloader | None = None
        self.closed = asyncio.Event()
        self.error: Exception | None = None
        self._outbox: deque[bytes] = deque()
        self._requests: deque[m.Request] = deque()
        self._wake = asyncio.Event()
        self._times = times
        self._heard_at = self._said_at = self._breathed_at = now
        self._sending_since = math.inf
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[None] = self._loop.create_future()

    @property
    def kind(self) -> Kind:
        """What the peer is to us."""
        return self.account.kind

    @property
    def who(self) -> Who:
        """Whom to hold to account."""
        return self.remote_id, self.connection.remote.host

    @property
    def brings(self) -> bool:
        """Whether a piece from the peer is on its way to us."""
        return self.wire.lacking > 0

    # -- beginning

    async def introduce(self, swarm_hash: bytes, peer_id: bytes) -> None:
        """Send our handshake, alone in its packet."""
        await self.connection.send(self.wire.send(m.Handshake(swarm_hash, peer_id)))

    async def meet(self) -> m.Handshake:
        """Wait for the peer's handshake."""
        try:
            with self._blaming():
                async with asyncio.timeout(self._times.handshake):
                    while True:
                        event = self.wire.next_event()
                        if isinstance(event, m.Handshake):
                            self.remote_id = event.peer_id
                            return event
                        if await self._receive() == 0:
                            raise NetworkError(
                                f"{self.connection.remote}: hung up at the handshake: has other content or refuses us"
                            )
        except TimeoutError:
            raise FilteredError(f"{self.connection.remote}: connected, but no handshake came") from None

    def join(self, share: Share) -> None:
        """Become part of a swarm; what we have is the first thing that ``run`` will say."""
        self._share = share
        self.account = share.ledger.peer(str(self.connection.remote), share.kind_of(self.connection.remote.host))
        self.wire.start(share.content)
        share.on_manners(self.connection.give_way(Ledbat()))
        self.say(m.Bitfield(share.verified, share.content.pieces))  # though empty: who says nothing may yet have it all
        share.links.add(self)

    async def run(self) -> None:
        """Talk until either side ends it; ``error`` then says why, if for a reason."""
        share = self._share
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read())
                tasks.create_task(self._write())
                tasks.create_task(self._watch())
                tasks.create_task(self._until_ended())
        except* (NetworkError, ProtocolError, LocalError) as errors:
            self.error = errors.exceptions[0]
        finally:
            share.links.discard(self)
            share.slots.leave(self)
            self.connection.close()
            self.closed.set()

    def end(self, error: NetworkError) -> None:
        """Close the connection for a reason of ours."""
        if not self._end.done():
            self._end.set_exception(error)

    def bad_piece(self) -> int:
        """Count a bad piece against the peer; return how many that makes over all its connections."""
        self.account.bad_pieces += 1
        self._share.bad_pieces[self.who] += 1
        return self._share.bad_pieces[self.who]

    def ban(self, why: str) -> None:
        """Close the connection, and take no other from this peer."""
        self._share.banned.add(self.who)
        self.end(NetworkError(why))

    async def _until_ended(self) -> None:
        await self._end

    # -- out

    def say(self, message: m.Control) -> None:
        """Queue a message."""
        self._outbox.append(self.wire.send(message))
        self._wake.set()

    def tell_have(self, piece: int) -> None:
        """Tell the peer of a new piece, unless it has that itself."""
        if not self.pieces >> piece & 1:
            self.say(m.Have(piece))

    def choke(self) -> None:
        """Stop answering; open requests are void."""
        self._requests.clear()
        if not self.closed.is_set():
            self.say(m.Choke())

    def unchoke(self) -> None:
        """Start answering."""
        self.say(m.Unchoke())

    async def _write(self) -> None:
        while True:
            if self._outbox:
                data = b"".join(self._outbox)
                self._outbox.clear()
                await self._in_time(self.connection.send(data))
            elif self._requests:
                await self._send_piece(self._requests.popleft())
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _send_piece(self, request: m.Request) -> None:
        if not self._share.unchanged():
            raise LocalError(f"{self._share.file.name} was changed since it was hashed: it is not shared any more")
        start = self._share.content.offset_of(request.index) + request.offset
        head = self.wire.send_piece(request.index, request.offset, request.length)
        sent, since = 0, self._loop.time()
        while sent < request.length:
            most = self._share.limit.share(min(STRETCH, request.length - sent))
            count = await self._in_time(self.connection.room(most))
            await self._share.limit.take(count)
            await self._in_time(self.connection.send_file(self._share.file, start + sent, count, head))
            sent, head = sent + count, b""
            self._share.slots.going(self)
            await self._breathe()
        self.account.bytes_sent += request.length
        whole = request.offset + request.length == self._share.content.size_of(request.index)
        self._share.slots.sent(self, request.length, self._loop.time() - since, whole=whole)

    async def _in_time(self, sending: Coroutine[None, None, T]) -> T:
        """Send; ``_watch`` sees to it that this comes to an end, since a timeout of its own costs each stretch more."""
        self._sending_since = self._loop.time()
        result = await sending
        self._said_at, self._sending_since = self._loop.time(), math.inf
        return result

    async def _breathe(self) -> None:
        """Let other tasks run now and then: nothing else does where a socket is always ready."""
        if self._loop.time() - self._breathed_at > SLICE:
            await asyncio.sleep(0)
            self._breathed_at = self._loop.time()

    # -- in

    async def _read(self) -> None:
        with self._blaming():
            while True:
                if self.downloader is not None and self.wire.piece_next:
                    await self.downloader.ready()
                event = self.wire.next_event()
                if event is not None:
                    self._handle(event)
                elif await self._receive() == 0:
                    raise NetworkError(f"{self.connection.remote}: closed the connection")

    @contextlib.contextmanager
    def _blaming(self) -> Iterator[None]:
        """Say who it is that breaks a rule."""
        try:
            yield
        except ProtocolError as error:
            raise ProtocolError(f"{self.connection.remote}: {error}", fault=error.fault) from None

    async def _receive(self) -> int:
        count = await self.connection.receive_into(self.wire.buffer())
        try:
            self.wire.received(count)
        except ProtocolError as error:  # it ended inside a message: a peer that died has broken no rule
            raise NetworkError(f"{self.connection.remote}: {error}") from None
        before, self._heard_at = self._heard_at, self._loop.time()
        if self.downloader is not None and count:
            await self.downloader.arriving(count)
        if pause := pause_after(count, self.wire.lacking, self._heard_at - before):
            await asyncio.sleep(pause)
        await self._breathe()
        return count

    def _place(self, index: int, offset: int, length: int) -> memoryview | None:
        return self.downloader.place(index, offset, length) if self.downloader is not None else None

    def _handle(self, event: m.Message) -> None:
        match event:
            case m.KeepAlive() | m.Filler():
                return
            case m.Interested():
                self._share.slots.ask(self)
            case m.NotInterested():
                self._requests.clear()
                self._share.slots.rest(self)
            case m.Request():
                self._enqueue(event)
            case m.Cancel(index, offset, length):
                with contextlib.suppress(ValueError):
                    self._requests.remove(m.Request(index, offset, length))
            case m.Have(index):
                self.pieces |= 1 << index
            case m.Bitfield(pieces):
                self.pieces |= pieces
        if self.downloader is not None:
            self.downloader.heard(event)

    def _enqueue(self, request: m.Request) -> None:
        if self.wire.choking:
            return  # it crossed our choke on the way
        if not self._share.verified >> request.index & 1:
            raise ProtocolError(f"piece {request.index} was asked for, which was never offered")
        if len(self._requests) >= MAX_QUEUED:
            raise ProtocolError(f"more than {MAX_QUEUED} requests are open")
        self._requests.append(request)
        self._wake.set()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._times.look)
            now = self._loop.time()
            if now - self._heard_at > self._times.idle:
                raise FilteredError(f"{self.connection.remote}: silent for {self._times.idle:g} s")
            if now - self._sending_since > self._times.slow:
                raise FilteredError(
                    f"{self.connection.remote}: too slow, took less than {STRETCH:,} bytes in {self._times.slow:g} s"
                )
            if now - self._said_at > self._times.keep_alive:
                self.say(m.KeepAlive())
