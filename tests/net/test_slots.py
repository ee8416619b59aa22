"""The limit on open connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from doctl.endpoints import Address
from doctl.errors import NetworkError
from doctl.net.base import Connection, Listener
from doctl.net.system import SystemNetwork

MOST = 3
HERE = "127.0.0.1"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Counter:
    """A server that counts how many connections are open at once, and answers when it is told to."""

    def __init__(self) -> None:
        self.open = 0
        self.peak = 0
        self.came: asyncio.Queue[None] = asyncio.Queue()
        self.full = asyncio.Event()
        self.answer = asyncio.Event()

    async def serve(self, listener: Listener) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._one(await listener.accept()))

    async def _one(self, connection: Connection) -> None:
        self.came.put_nowait(None)
        self.open += 1
        self.peak = max(self.peak, self.open)
        if self.open == MOST:
            self.full.set()
        try:
            await self.answer.wait()
            await connection.receive_into(memoryview(bytearray(4096)))
            await connection.send(ANSWER)
            await connection.receive_into(memoryview(bytearray(4096)))
        except NetworkError:
            pass
        finally:
            connection.close()
            self.open -= 1


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[Counter, Address]]:
    """Run a counter on a free port."""
    counter, listener = Counter(), await SystemNetwork().listen(Address(HERE, 0))
    server = asyncio.create_task(counter.serve(listener))
    try:
        yield counter, listener.address
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)
        listener.close()


def test_no_more_connections_are_open_than_allowed() -> None:
    """Of connections and HTTP requests together, only so many are open at once, and all get their turn."""

    async def scenario() -> int:
        async with counting() as (counter, address):
            network = SystemNetwork(MOST)

            async def by_hand() -> None:
                connection = await network.connect(address, 5)
                try:
                    await connection.send(b"GET / HTTP/1.1\r\n\r\n")
                    await connection.receive_into(memoryview(bytearray(4096)))
                finally:
                    connection.close()

            async def by_http(streamed: bool) -> None:
                async with network.http(direct=True, timeout=5) as client:
                    if not streamed:
                        assert (await client.get(f"http://{address}/")).text == "ok"
                        return
                    async with client.stream("GET", f"http://{address}/") as response:
                        assert await response.aread() == b"ok"

            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                for number in range(9):
                    group.create_task(by_hand() if number % 3 == 0 else by_http(streamed=number % 3 == 1))
                await counter.full.wait()
                counter.answer.set()
            return counter.peak

    assert asyncio.run(scenario()) == MOST


def test_what_fails_gives_its_slot_back() -> None:
    """Refused connections and requests leave no slot taken, nor does closing twice give two back."""

    async def scenario() -> None:
        listener = await SystemNetwork().listen(Address(HERE, 0))
        network, closed = SystemNetwork(1), listener.address
        first = await network.connect(listener.address, 5)
        first.close()
        first.close()
        listener.close()
        async with asyncio.timeout(30), network.http(direct=True, timeout=5) as client:
            for _ in range(3):
                for refused in (network.connect(closed, 5), client.get(f"http://{closed}/")):
                    result = await asyncio.gather(refused, return_exceptions=True)
                    assert isinstance(result[0], Exception)
        async with counting() as (counter, address):
            held = await network.connect(address, 5)
            await counter.came.get()
            late = asyncio.create_task(network.connect(address, 5))
            done, _ = await asyncio.wait([late], timeout=0.05)
            assert not done
            held.close()
            async with asyncio.timeout(30):
                (await late).close()
                await counter.came.get()

    asyncio.run(scenario())
