"""An HTTP origin: what it says of a file, and the file from it as pieces, by ranges or as one plain stream."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from doctl.errors import BusyError, DoctlError, NetworkError, OriginError, TlsError, UsageError
from doctl.net.http_errors import named
from doctl.transfer.desk import Desk, Kind
from doctl.transfer.patience import Patience
from doctl.wire.file_names import suggest
from doctl.wire.http_answers import FIRST_BYTE, Answer, Version
from doctl.wire.ranges import ContentRange, byte_range
from doctl.wire.urls import next_hop, shown, usable

if TYPE_CHECKING:
    import httpx

PARALLEL: Final = 4
"""Ranges asked for at once: enough to fill a link on which one connection is slowed by loss or distance."""
RUN: Final = 8
"""Pieces asked for with one request, so that its round trip is a small part of it."""
BRIEF: Final = Patience(tries=3, most=10.0)
"""Patience while nothing has been fetched yet: peers wait for the outcome."""
SHORT: Final = 64 * 1024
"""Bytes of an unwanted body that are read so that the connection can be kept; a longer one costs more than that."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A file on an HTTP server.

    ``url`` is where redirects led; ``ranges`` says whether parts of the file can be asked for, ``validator`` is what
    If-Range may then carry; ``filename`` is a safe suggestion.
    """

    url: str
    version: Version
    ranges: bool
    validator: str | None
    filename: str

    @property
    def length(self) -> int | None:
        """Bytes in the file, None where the server does not say."""
        return self.version.length


async def learn(client: "httpx.AsyncClient", url: str, patience: Patience = BRIEF) -> Origin:
    """Ask for the first byte of ``url``, through redirects, and return what that tells of the file.

    Raises UsageError for a URL that is none, NetworkError, OriginError; BusyError after ``patience`` is used up.
    """
    failures = 0
    while True:
        try:
            return await _learn(client, usable(url), patience)
        except BusyError as error:
            failures += 1
            pause = patience.pause(failures, error.wait)
            if pause is None:
                raise
        await asyncio.sleep(pause)


async def stream(client: "httpx.AsyncClient", origin: Origin, patience: Patience = BRIEF) -> AsyncIterator[bytes]:
    """Yield the whole file in order, for a file whose length nobody knows; NetworkError when it breaks off."""
    async with _answer(client, origin.url, {}, patience) as (answer, response):
        answer.check_whole(origin.version)
        async for chunk in response.aiter_raw():
            yield chunk


async def _learn(client: "httpx.AsyncClient", url: str, patience: Patience) -> Origin:
    trail = [url]
    while True:
        try:
            answer = await _first_byte(client, trail[-1], patience)
        except UsageError as error:
            raise error if len(trail) == 1 else OriginError(f"{shown(trail[-2])}: redirects to {error}") from None
        location = answer.redirect()
        if location is None:
            break
        trail.append(next_hop(trail, location))
    found = answer.describe()
    filename = suggest(url, answer.headers.get("content-disposition"))
    return Origin(trail[-1], found.version, found.ranges, found.validator, filename)


async def _first_byte(client: "httpx.AsyncClient", url: str, patience: Patience) -> Answer:
    asked = {"Range": byte_range(FIRST_BYTE.first, FIRST_BYTE.last)}
    async with _answer(client, url, asked, patience) as (answer, response):
        if 200 < answer.status < 400:  # the whole file is too long, and after an error the connection is not needed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await _drain(response)
        return answer


async def _drain(response: "httpx.Response") -> None:
    """Read a short body to its end: only then can the connection serve the next request."""
    count = 0
    async for chunk in response.aiter_raw():
        count += len(chunk)
        if count > SHORT:
            return


@contextlib.asynccontextmanager
async def _answer(
    client: "httpx.AsyncClient", url: str, headers: Mapping[str, str], patience: Patience
) -> "AsyncIterator[tuple[Answer, httpx.Response]]":
    """Send a GET and give the head of the answer, and the response to read the body from."""
    who = shown(url)
    with named(who) as extensions:
        request = client.build_request("GET", url, headers=headers, extensions=extensions)
        request.url.host  # noqa: B018 - fails here for a name that is none; after this it is the server's name that fails
        try:
            async with asyncio.timeout(patience.head):
                response = await client.send(request, stream=True)
        except UnicodeError as error:
            raise OriginError(f"{who}: redirects to a host whose name is none") from error
        try:
            yield Answer(who, response.status_code, response.headers, datetime.now(UTC)), response
        finally:
            await response.aclose()


class HttpSource:
    """The file at an ``origin``, whose length must be the content's, as pieces.

    Where the origin cannot do ranges, one stream from the start brings everything, and what is there already is
    thrown away again.
    """

    kind: Kind = Kind.HTTP

    def __init__(
        self,
        client: "httpx.AsyncClient",
        origin: Origin,
        *,
        parallel: int = PARALLEL,
        run: int = RUN,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        """Fetch with ``client``, whose read timeout decides when a silent connection is given up."""
        self.name = client.build_request("GET", origin.url).url.host
        self._client = client
        self._origin = origin
        self._parallel = parallel if origin.ranges else 1
        self._run = run
        self._patience = patience

    def judged(self, good: bool) -> None:
        """Hear whether a piece was right; what two wrong ones from an origin mean is the engine's to say."""

    async def run(self, desk: Desk) -> None:
        """Fetch until cancelled; raises what is wrong with the origin.

        Each connection has patience of its own and retires when that is used up, so that a server that allows fewer
        of them gets fewer; the last one to retire says why.
        """
        try:
            async with asyncio.TaskGroup() as workers:
                tasks = [workers.create_task(self._work(desk)) for _ in range(self._parallel)]
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        raise tasks[-1].result()

    async def _work(self, desk: Desk) -> DoctlError:
        """Fetch one run after another over a connection of our own; return why that came to an end."""
        failures = 0
        while True:
            left = self._take(desk)
            if not left:
                await desk.changed()
                continue
            taken = len(left)
            try:
                await self._fetch(desk, left)
                failures = 0
                continue
            except TlsError:
                raise
            except (BusyError, NetworkError) as problem:
                error = problem
            finally:
                desk.give_back(self, left)
            failures = failures + 1 if len(left) == taken else 1
            pause = self._patience.pause(failures, error.wait if isinstance(error, BusyError) else None)
            if pause is None:
                return error
            await asyncio.sleep(pause)

    def _take(self, desk: Desk) -> deque[int]:
        """Take a run of adjacent pieces; all there are where they come as one stream."""
        if self._origin.ranges:
            return deque(desk.take_run(self, self._run))
        pieces: list[int] = []
        while run := desk.take_run(self, desk.content.pieces):
            pieces += run
        return deque(sorted(pieces))

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
                await body.skip(gap)
                desk.waste(gap)
                await self._fetch_piece(desk, left[0], body)
                left.popleft()
            await body.finish()

    async def _fetch_piece(self, desk: Desk, piece: int, body: "_Body") -> None:
        buffer = await desk.buffer()
        try:
            await body.fill(buffer[: desk.content.size_of(piece)])
        except BaseException:
            desk.discard(buffer)
            desk.waste(body.position - desk.content.offset_of(piece))
            raise
        desk.deliver(self, piece, buffer)

    @contextlib.asynccontextmanager
    async def _ask(self, desk: Desk, pieces: deque[int]) -> "AsyncIterator[_Body]":
        """Ask for adjacent ``pieces``, or for everything, and give the body once its head has proved right."""
        content, origin = desk.content, self._origin
        stop = content.offset_of(pieces[-1]) + content.size_of(pieces[-1])
        asked = ContentRange(content.offset_of(pieces[0]), stop - 1, None)
        headers = {"Range": byte_range(asked.first, asked.last)} if origin.ranges else {}
        if origin.ranges and origin.validator is not None:
            headers["If-Range"] = origin.validator
        async with _answer(self._client, origin.url, headers, self._patience) as (answer, response):
            if origin.ranges:
                answer.check_part(asked, origin.version)
                yield _Body(answer.who, response.aiter_raw(), desk.may_receive, asked.first, stop)
            else:
                answer.check_whole(origin.version)
                yield _Body(answer.who, response.aiter_raw(), desk.may_receive, 0, content.length)


class _Body:
    """The bytes of an answer, ``position`` to ``stop`` in the file, read as they are needed."""

    def __init__(
        self, who: str, chunks: AsyncIterator[bytes], allow: Callable[[int], Awaitable[None]], position: int, stop: int
    ) -> None:
        self.position = position
        self._who = who
        self._chunks = chunks
        self._allow = allow
        self._stop = stop
        self._rest = memoryview(b"")

    async def fill(self, buffer: memoryview) -> None:
        """Read until ``buffer`` is full; NetworkError when the bytes end before."""
        filled = 0
        while filled < len(buffer):
            part = await self._some(len(buffer) - filled)
            buffer[filled : filled + len(part)] = part
            filled += len(part)

    async def skip(self, count: int) -> None:
        """Read ``count`` bytes and forget them."""
        while count:
            count -= len(await self._some(count))

    async def finish(self) -> None:
        """Make sure, if all has been read, that nothing follows: OriginError; the connection can then be kept."""
        if self.position == self._stop and (self._rest or await self._more()):
            raise OriginError(f"{self._who}: sent more bytes than the answer was to have")

    async def _some(self, most: int) -> memoryview:
        """Return at least one and at most ``most`` bytes; they are good until the next call."""
        while not self._rest:
            if not await self._more():
                raise NetworkError(f"{self._who}: the connection ended early, at byte {self.position}")
        part, self._rest = self._rest[:most], self._rest[most:]
        self.position += len(part)
        return part

    async def _more(self) -> bool:
        """Wait for bytes and for leave to use them; False when there are no more."""
        chunk = await anext(self._chunks, None)
        if chunk is None:
            return False
        self._rest = memoryview(chunk)
        await self._allow(len(chunk))
        return True
