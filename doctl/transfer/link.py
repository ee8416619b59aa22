"""One live MS-DO connection: reads events, answers requests, and lets a source ask for pieces over it."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from typing import Final, Protocol, TypeVar

from doctl.errors import FilteredError, LocalError, NetworkError, ProtocolError
from doctl.net.base import Connection
from doctl.transfer.background import Ledbat
from doctl.transfer.share import Share
from doctl.transfer.upload import MAX_QUEUED
from doctl.wire import messages as m
from doctl.wire.swarm import SwarmConnection

HANDSHAKE_TIME: Final = 10.0
"""Seconds for the other side to say who it is."""
KEEP_ALIVE: Final = 60.0
"""Seconds of our own silence after which a keep-alive goes out."""
IDLE: Final = 180.0
"""Seconds of the other side's silence after which it is taken for gone."""
SLOW: Final = 30.0
"""Seconds a peer may take for one stretch of a piece before its slot goes to others."""
T = TypeVar("T")

STRETCH: Final = 1 << 20
"""Bytes of a piece sent in one go."""
LOOK: Final = 5.0
"""Seconds between looks at the clock."""


class Downloader(Protocol):
    """The half of a connection that wants pieces; ``sources.peer`` has it."""

    async def ready(self) -> None:
        """Have memory at hand for a piece that may come with the next bytes."""
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

    def __init__(self, connection: Connection, now: float, *, dialled: bool = False) -> None:
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
        self._heard_at = self._said_at = now
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[None] = self._loop.create_future()

    # -- beginning

    async def introduce(self, swarm_hash: bytes, peer_id: bytes) -> None:
        """Send our handshake, alone in its packet."""
        await self.connection.send(self.wire.send(m.Handshake(swarm_hash, peer_id)))

    async def meet(self) -> m.Handshake:
        """Wait for the peer's handshake."""
        try:
            async with asyncio.timeout(HANDSHAKE_TIME):
                while True:
                    event = self.wire.next_event()
                    if isinstance(event, m.Handshake):
                        self.remote_id = event.peer_id
                        return event
                    if await self._receive() == 0:
                        raise NetworkError(f"{self.connection.remote}: closed during the handshake; not in this swarm")
        except TimeoutError:
            raise FilteredError(f"{self.connection.remote}: connected, but no handshake came") from None

    def join(self, share: Share) -> None:
        """Become part of a swarm; what either side has is told once ``run`` talks."""
        self._share = share
        self.account = share.ledger.peer(str(self.connection.remote), share.kind_of(self.connection.remote.host))
        self.wire.start(share.content)
        share.on_manners(self.connection.give_way(Ledbat()))
        share.links.add(self)

    async def run(self) -> None:
        """Talk until either side ends it; ``error`` then says why, if for a reason."""
        share = self._share
        if share.verified:
            self.say(m.Bitfield(share.verified, share.content.pieces))
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

    def ban(self, why: str) -> None:
        """Close the connection, and take no other from this peer."""
        self._share.banned.add(self.remote_id)
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
        await self._in_time(self.connection.send(self.wire.send_piece(request.index, request.offset, request.length)))
        sent = 0
        while sent < request.length:
            most = self._share.limit.share(min(STRETCH, request.length - sent))
            count = await self._in_time(self.connection.room(most))
            await self._share.limit.take(count)
            await self._in_time(self.connection.send_file(self._share.file, start + sent, count))
            sent += count
        self.account.bytes_sent += request.length

    async def _in_time(self, sending: Coroutine[None, None, T]) -> T:
        try:
            async with asyncio.timeout(SLOW):
                result = await sending
        except TimeoutError:
            raise FilteredError(f"{self.connection.remote}: took nothing for {SLOW:g} s") from None
        self._said_at = self._loop.time()
        return result

    # -- in

    async def _read(self) -> None:
        while True:
            if self.downloader is not None:
                await self.downloader.ready()
            event = self.wire.next_event()
            if event is not None:
                self._handle(event)
            elif await self._receive() == 0:
                raise NetworkError(f"{self.connection.remote}: closed the connection")

    async def _receive(self) -> int:
        count = await self.connection.receive_into(self.wire.buffer())
        self.wire.received(count)
        self._heard_at = self._loop.time()
        if self.downloader is not None and count:
            await self.downloader.arriving(count)
        return count

    def _place(self, index: int, offset: int, length: int) -> memoryview | None:
        return self.downloader.place(index, offset, length) if self.downloader is not None else None

    def _handle(self, event: m.Message) -> None:
        match event:
            case m.Interested():
                self._share.slots.ask(self)
            case m.NotInterested():
                self._requests.clear()
                self._share.slots.leave(self)
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
            await asyncio.sleep(LOOK)
            now = self._loop.time()
            if now - self._heard_at > IDLE:
                raise FilteredError(f"{self.connection.remote}: silent for {IDLE:g} s")
            if now - self._said_at > KEEP_ALIVE:
                self.say(m.KeepAlive())
