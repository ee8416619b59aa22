"""The file at an HTTP origin as pieces, by several ranges at once or as one plain stream."""

import asyncio
import contextlib
import functools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from doctl.errors import BusyError, DoctlError, NetworkError, OriginError, TlsError
from doctl.transfer.background import Ledbat
from doctl.transfer.desk import Desk, Kind
from doctl.transfer.origin import IntoBuffer, Origin, ask, read_into
from doctl.transfer.patience import Patience
from doctl.wire.ranges import ContentRange, byte_range

if TYPE_CHECKING:
    import httpx

PARALLEL: Final = 4
"""Ranges asked for at once: enough to fill a link on which one connection is slowed by loss or distance."""
RUN: Final = 8
"""Pieces asked for with one request, so that its round trip is a small part of it."""
SKIPPED: Final = 64 * 1024
"""Bytes read at once where nobody wants them."""


class HttpSource:
    """The file at an ``origin``, whose length must be the content's, as pieces.

    Where the origin cannot do ranges, one stream from the start brings everything, and what is there already is
    thrown away again.
    """

    def __init__(
        self,
        client: "httpx.AsyncClient",
        origin: Origin,
        *,
        kind: Kind = Kind.HTTP,
        parallel: int = PARALLEL,
        run: int = RUN,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        """Fetch with ``client``, whose read timeout decides when a silent connection is given up.

        ``kind`` is CACHE for a server that has copies of an origin's files.
        """
        self.kind = kind
        self.name = urlsplit(origin.url).hostname or ""
        self._client = client
        self._origin = origin
        self._parallel = parallel if origin.ranges else 1
        self._run = run
        self._patience = patience
        self._controller = Ledbat()
        self._wrong = asyncio.Event()

    def judged(self, good: bool) -> None:
        """Hear whether a piece was right: a wrong one ends a cache; an origin's are the engine's to judge."""
        if not good and self.kind is Kind.CACHE:
            self._wrong.set()

    async def run(self, desk: Desk) -> None:
        """Fetch until cancelled; raises what is wrong with the origin.

        Each connection has patience of its own and retires when that is used up, so that a server that allows fewer
        of them gets fewer; when all have retired, one of them says why.
        """
        try:
            async with asyncio.TaskGroup() as workers:
                watch = workers.create_task(self._until_wrong())
                count = 1 if desk.gentle else self._parallel
                tasks = [workers.create_task(self._work(desk)) for _ in range(count)]
                await asyncio.wait(tasks)
                watch.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        raise tasks[-1].result()

    async def _until_wrong(self) -> None:
        await self._wrong.wait()
        raise OriginError(f"{self.name}: sent a piece that is not what its hash says")

    async def _work(self, desk: Desk) -> DoctlError:
        """Fetch one run after another over a connection of our own; return why that came to an end."""
        failures = 0
        while True:
            left = self._take(desk)
            if not left:
                await desk.changed()
                continue
            taken = len(left)
            error = await self._try(desk, left)
            if error is None:
                failures = 0
                continue
            failures = failures + 1 if len(left) == taken else 1
            pause = self._patience.pause(failures, error.wait if isinstance(error, BusyError) else None)
            if pause is None:
                return error
            await asyncio.sleep(pause)

    async def _try(self, desk: Desk, left: deque[int]) -> BusyError | NetworkError | None:
        """Fetch the pieces ``left``, hand back those that still are, and return an error that may pass."""
        try:
            await self._fetch(desk, left)
        except TlsError:
            raise
        except (BusyError, NetworkError) as error:
            return error
        finally:
            desk.give_back(self, left)
        return None

    def _take(self, desk: Desk) -> deque[int]:
        """Take a run of adjacent pieces; all there are where they come as one stream."""
        if self._origin.ranges:
            return deque(desk.take_run(self, self._run))
        return deque(desk.take_rest(self))

    async def _fetch(self, desk: Desk, left: deque[int]) -> None:
        """Fetch the pieces ``left`` with one request and remove from it those that are dealt with."""
        async with self._ask(desk, left) as body:
            while left:
                if not desk.still_wanted(left[0]):
                    desk.give_back(self, [left.popleft()])
                    continue
                gap = desk.content.offset_of(left[0]) - body.position
                if gap and self._origin.ranges:
                    return  # asking anew is cheaper than reading on
                await _pass_over(desk, body, gap)
                if await self._fetch_piece(desk, left[0], body):
                    left.popleft()
            await body.finish()

    async def _fetch_piece(self, desk: Desk, piece: int, body: "_Body") -> bool:
        """Fetch a piece; False, and no more of it, once somebody else has brought it: on a slow line it takes long."""
        buffer, whole = await desk.buffer(), False
        try:
            whole = await body.fill(buffer[: desk.content.size_of(piece)], lambda: desk.still_wanted(piece))
        finally:
            if not whole:
                desk.discard(buffer)
                desk.waste(body.position - desk.content.offset_of(piece))
        if whole:
            desk.deliver(self, piece, buffer)
        return whole

    @contextlib.asynccontextmanager
    async def _ask(self, desk: Desk, pieces: deque[int]) -> "AsyncIterator[_Body]":
        """Ask for adjacent ``pieces``, or for everything, and give the body once its head has proved right."""
        content, origin = desk.content, self._origin
        stop = content.offset_of(pieces[-1]) + content.size_of(pieces[-1])
        asked = ContentRange(content.offset_of(pieces[0]), stop - 1, None)
        headers = {"Range": byte_range(asked.first, asked.last)} if origin.ranges else {}
        if origin.ranges and origin.validator is not None:
            headers["If-Range"] = origin.validator
        may_receive = functools.partial(desk.may_receive, self)
        async with ask(self._client, origin.url, headers, self._patience, origin.licence) as (answer, response):
            if origin.ranges:
                answer.check_part(asked, origin.version)
                first, end = asked.first, stop
            else:
                answer.check_whole(origin.version)
                first, end = 0, content.length
            controller = self._controller if desk.gentle else None
            into = read_into(response, controller, desk.tell_manners, end - first)
            yield _Body(answer.who, into, may_receive, first, end)


async def _pass_over(desk: Desk, body: "_Body", count: int) -> None:
    start = body.position
    try:
        await body.skip(count)
    finally:
        desk.waste(body.position - start)


class _Body:
    """The bytes of an answer, ``position`` to ``stop`` in the file, read as they are needed."""

    def __init__(
        self, who: str, into: IntoBuffer, allow: Callable[[int], Awaitable[None]], position: int, stop: int
    ) -> None:
        self.position = position
        self._who = who
        self._into = into
        self._allow = allow
        self._stop = stop

    async def fill(self, buffer: memoryview, wanted: Callable[[], bool]) -> bool:
        """Read until ``buffer`` is full, and return whether it is: nobody reads on once it is not ``wanted``.

        Raises NetworkError when the bytes end before.
        """
        while buffer and wanted():
            buffer = buffer[await self._some(buffer) :]
        return not buffer

    async def skip(self, count: int) -> None:
        """Read ``count`` bytes and forget them."""
        nowhere = memoryview(bytearray(min(count, SKIPPED)))
        while count:
            count -= await self._some(nowhere[:count])

    async def finish(self) -> None:
        """Make sure, if all has been read, that nothing follows: OriginError; the connection can then be kept."""
        if self.position == self._stop and await self._into(memoryview(bytearray(1))):
            raise OriginError(f"{self._who}: sent more bytes than the answer was to have")

    async def _some(self, buffer: memoryview) -> int:
        """Wait for bytes, at least one, and for leave to use them; return how many they were."""
        count = await self._into(buffer)
        if not count:
            raise NetworkError(f"{self._who}: the connection ended early, at byte {self.position}")
        self.position += count
        await self._allow(count)
        return count
