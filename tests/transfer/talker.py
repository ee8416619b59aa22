"""A peer that says and hears one message at a time, over a real connection, as a test's script has it."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from doctl.endpoints import Address
from doctl.errors import NetworkError, ProtocolError
from doctl.net.base import Connection
from doctl.net.system import SystemNetwork
from doctl.transfer.content import Content
from doctl.wire import messages as m
from doctl.wire.swarm import SwarmConnection
from tests.transfer.contents import Made

LOOPBACK = Address("127.0.0.1", 0)
SECONDS = 30.0
Heard = TypeVar("Heard", bound=m.Message)


class Talker:
    """One end of a connection."""

    def __init__(self, connection: Connection, content: Content, peer_id: bytes | None = None) -> None:
        self.connection = connection
        self.content = content
        self.peer_id = peer_id or secrets.token_bytes(20)
        self.wire = SwarmConnection(lambda _index, _offset, length: memoryview(bytearray(length)))

    async def say(self, *messages: m.Handshake | m.Control) -> None:
        """Send messages, all at once."""
        await self.raw(b"".join(self.wire.send(message) for message in messages))

    async def raw(self, data: bytes | memoryview) -> None:
        """Send bytes, whatever they are."""
        await self.connection.send(data)

    async def give(self, request: m.Request, source: Made) -> None:
        """Answer a request."""
        await self.raw(self.wire.send_piece(request.index, request.offset, request.length))
        await self.raw(source.piece(request.index)[request.offset : request.offset + request.length])

    async def hear(self) -> m.Message | None:
        """Wait for the next message; None when the other side has closed the connection."""
        async with asyncio.timeout(SECONDS):
            while (message := self.wire.next_event()) is None:
                try:
                    count = await self.connection.receive_into(self.wire.buffer())
                    self.wire.received(count)
                except (NetworkError, ProtocolError):
                    return None
                if not count:
                    return None
        return message

    async def expect(self, kind: type[Heard]) -> Heard:
        """Wait for the next message of some kind and pass over others."""
        while (message := await self.hear()) is not None:
            if isinstance(message, kind):
                return message
        raise AssertionError(f"the connection was closed before {kind.__name__} came")

    async def asked(self) -> m.Request | None:
        """Wait for the next request and pass over other messages; None when the other side has hung up."""
        while (message := await self.hear()) is not None:
            if isinstance(message, m.Request):
                return message
        return None

    async def is_closed(self) -> bool:
        """Wait for the end of the connection, whatever comes before it."""
        buffer = memoryview(bytearray(65536))
        with contextlib.suppress(NetworkError):
            async with asyncio.timeout(SECONDS):
                while await self.connection.receive_into(buffer):
                    pass
        return True

    async def greet(self) -> None:
        """Say who we are."""
        assert self.content.hash_of_hashes is not None
        self.wire.start(self.content)
        await self.say(m.Handshake(self.content.hash_of_hashes, self.peer_id))


@contextlib.asynccontextmanager
async def calling(address: Address, content: Content, peer_id: bytes | None = None) -> AsyncIterator[Talker]:
    """Call a peer; the handshake is still to be made."""
    connection = await SystemNetwork().connect(address, SECONDS)
    try:
        yield Talker(connection, content, peer_id)
    finally:
        connection.close()


@contextlib.asynccontextmanager
async def connected(address: Address, content: Content, peer_id: bytes | None = None) -> AsyncIterator[Talker]:
    """Call a peer and shake hands."""
    async with calling(address, content, peer_id) as talker:
        await talker.greet()
        await talker.expect(m.Handshake)
        yield talker


Behaviour = Callable[[Talker], Awaitable[None]]


@dataclass
class Remote:
    """A peer that others call: where it listens, and how often it was called."""

    address: Address
    calls: int = 0


@contextlib.asynccontextmanager
async def listening(
    behaviour: Behaviour, content: Content, peer_id: bytes | None = None, *, at: Address = LOOPBACK
) -> AsyncIterator[Remote]:
    """Run a peer that shakes hands with whoever calls and then behaves so; it hangs up when that is over."""
    listener = await SystemNetwork().listen(at)
    remote = Remote(listener.address)
    peer_id = peer_id or secrets.token_bytes(20)

    async def serve(connection: Connection) -> None:
        talker = Talker(connection, content, peer_id)
        try:
            if await talker.hear() is not None:
                await talker.greet()
                await behaviour(talker)
        except NetworkError:
            pass
        finally:
            connection.close()

    async def accept() -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                connection = await listener.accept()
                remote.calls += 1
                tasks.create_task(serve(connection))

    accepting = asyncio.create_task(accept())
    try:
        yield remote
    finally:
        listener.close()
        accepting.cancel()
        ended: Sequence[object] = await asyncio.gather(accepting, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
