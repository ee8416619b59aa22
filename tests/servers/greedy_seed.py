"""A seed that takes all of a link that it can get, as one that is no doctl may, to see whether a receiver gives way.

python -m tests.servers.greedy_seed FILE HOST PORT

It prints the HashOfHashes when it listens; the hash file is to be beside the file.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from doctl.endpoints import Address
from doctl.jobs.serve import ServeOrder, Shared, serve
from doctl.net.base import Connection, Controller, Listener
from doctl.net.system import SystemNetwork
from doctl.transfer.ledger import Ledger
from doctl.wire.hash_file import encode


@dataclass(frozen=True)
class GreedyConnection:
    """A connection that gives way to nobody."""

    inner: Connection
    local: Address
    remote: Address

    async def receive_into(self, buffer: memoryview) -> int:
        return await self.inner.receive_into(buffer)

    async def send(self, data: bytes | memoryview) -> None:
        await self.inner.send(data)

    async def send_file(self, file: BinaryIO, offset: int, count: int, head: bytes = b"") -> None:
        await self.inner.send_file(file, offset, count, head)

    def give_way(self, controller: Controller) -> str:
        return "not at all"

    async def room(self, most: int) -> int:
        return most

    def close(self) -> None:
        self.inner.close()


@dataclass(frozen=True)
class GreedyListener:
    """A listener that accepts such connections."""

    inner: Listener
    address: Address

    async def accept(self) -> GreedyConnection:
        connection = await self.inner.accept()
        return GreedyConnection(connection, connection.local, connection.remote)

    def close(self) -> None:
        self.inner.close()


class GreedyNetwork(SystemNetwork):
    """The real network but for that."""

    async def listen(self, address: Address) -> GreedyListener:  # type: ignore[override]  # as good as one of its own
        listener = await super().listen(address)
        return GreedyListener(listener, listener.address)


def ready(_address: Address, shared: list[Shared]) -> None:
    """Say what is shared."""
    digest = shared[0].content.hash_of_hashes
    assert digest is not None
    print(encode(digest), flush=True)


def main() -> None:
    """Share until killed."""
    path, host, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    order = ServeOrder((path,), listen=Address(host, port))
    asyncio.run(serve(GreedyNetwork(), order, Ledger(), ready))


if __name__ == "__main__":
    main()
