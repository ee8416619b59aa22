"""A small HTTP origin for the demonstration: one file, byte ranges, a limited rate."""

import asyncio
import contextlib
import re
from collections.abc import Coroutine
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

from doctl.endpoints import Address
from doctl.errors import NetworkError
from doctl.net.base import Connection, Network
from doctl.transfer.limits import RateLimit

MOST_HEAD: Final = 8192
"""Bytes of a request's head."""
VERSION: Final = '"demo"'
"""The entity tag of the file."""
_RANGE: Final = re.compile(r"^range: *bytes=(\d{1,15})-(\d{1,15})\r$", re.IGNORECASE | re.MULTILINE)
_IF_RANGE: Final = re.compile(r"^if-range: *(.{1,200})\r$", re.IGNORECASE | re.MULTILINE)


class Answer(NamedTuple):
    """The head of an answer, and the stretch of the file that follows it."""

    head: str
    first: int
    size: int


def answer_to(request: str, length: int) -> Answer:
    """Answer the head of a request for a file of ``length`` bytes: all of it, or one range (RFC 9110 section 14)."""
    wanted, condition = _RANGE.search(request), _IF_RANGE.search(request)
    if wanted is None or (condition is not None and condition[1] != VERSION):
        status, where, first, count = "200 OK", "", 0, length
    elif int(wanted[1]) >= length:
        status, where, first, count = "416 Range Not Satisfiable", f"*/{length}", 0, 0
    else:
        first, last = int(wanted[1]), min(int(wanted[2]), length - 1)
        status, where, count = "206 Partial Content", f"{first}-{last}/{length}", last - first + 1
    about = f"Content-Range: bytes {where}\r\n" if where else ""
    head = f"HTTP/1.1 {status}\r\nETag: {VERSION}\r\n{about}Content-Length: {count}\r\n\r\n"
    return Answer(head, first, 0 if request.startswith("HEAD ") else count)


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

    async def _answer(self, connection: Connection, request: str) -> None:
        head, first, left = answer_to(request, self._length)
        await connection.send(head.encode())
        while left > 0:
            count = self._limit.share(left)
            await self._limit.take(count)
            await connection.send_file(self._file, first, count)
            first, left = first + count, left - count

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
