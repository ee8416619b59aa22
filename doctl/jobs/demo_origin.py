"""A small HTTP origin for the demonstration: one file, byte ranges, a limited rate."""

import asyncio
import contextlib
import re
from collections.abc import Coroutine
from types import TracebackType
from typing import BinaryIO, Final, Self

from doctl.endpoints import Address
from doctl.errors import NetworkError
from doctl.net.base import Connection, Network
from doctl.transfer.limits import RateLimit

MOST_HEAD: Final = 8192
"""Bytes of a request's head."""
_RANGE: Final = re.compile(r"^range: *bytes=(\d{1,15})-(\d{1,15})\r$", re.IGNORECASE | re.MULTILINE)


class DemoOrigin:
    """Serves ``file`` (``length`` bytes) for every path on a loopback port of its own; an asynchronous context."""

    def __init__(self, network: Network, file: BinaryIO, length: int, limit: RateLimit) -> None:
        self._network = network
        self._file = file
        self._length = length
        self._limit = limit
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await self._network.listen(Address("127.0.0.1", 0))
        self.url = f"http://{self._listener.address}/update.cab"
        self._start(self._accept())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        while True:
            self._start(self._serve(await self._listener.accept()))

    async def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(NetworkError):
            try:
                while head := await _read_head(connection):
                    await self._answer(connection, head)
            finally:
                connection.close()

    async def _answer(self, connection: Connection, head: str) -> None:
        wanted = _RANGE.search(head)
        first, last = (int(wanted[1]), min(int(wanted[2]), self._length - 1)) if wanted else (0, self._length - 1)
        status = "206 Partial Content" if wanted else "200 OK"
        where = f"Content-Range: bytes {first}-{last}/{self._length}\r\n" if wanted else ""
        lines = f'HTTP/1.1 {status}\r\nETag: "demo"\r\n{where}Content-Length: {last - first + 1}\r\n\r\n'
        await connection.send(lines.encode())
        while first <= last:
            count = self._limit.share(last - first + 1)
            await self._limit.take(count)
            await connection.send_file(self._file, first, count)
            first += count

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _read_head(connection: Connection) -> str:
    """Read one request up to its empty line; "" at the end of the connection or for a head that is too long."""
    head = bytearray()
    buffer = memoryview(bytearray(MOST_HEAD))
    while b"\r\n\r\n" not in head:
        count = await connection.receive_into(buffer)
        head += buffer[:count]
        if count == 0 or len(head) > MOST_HEAD:
            return ""
    return head.decode("latin-1")
