"""A file on an HTTP server: asking for it, through redirects, and what the server says of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from doctl.errors import BusyError, OriginError
from doctl.net.base import Controller
from doctl.net.http_errors import named
from doctl.settings import IPAddress
from doctl.transfer.gathering import pause_after
from doctl.transfer.patience import Patience
from doctl.wire.file_names import suggest
from doctl.wire.http_answers import FIRST_BYTE, Answer, Version
from doctl.wire.places import Licence, sort_of
from doctl.wire.ranges import byte_range
from doctl.wire.urls import next_hop, shown, usable

if TYPE_CHECKING:
    import httpx

BRIEF: Final = Patience(tries=3, most=10.0)
"""Patience while nothing has been fetched yet: peers wait for the outcome."""
SHORT: Final = 64 * 1024
"""Bytes of an unwanted body that are read so that the connection can be kept; a longer one costs more than that."""


IntoBuffer = Callable[[memoryview], Awaitable[int]]
"""Reads some bytes into a buffer and returns how many; 0 at the end."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A file on an HTTP server.

    ``url`` is where redirects led; ``ranges`` says whether parts of the file can be asked for, ``validator`` is what
    If-Range may then carry; ``filename`` is a safe suggestion; ``licence`` says where ``url`` may be.
    """

    url: str
    version: Version
    ranges: bool
    validator: str | None
    filename: str
    licence: Licence | None = None

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
            return await _learn(client, url, patience)
        except BusyError as error:
            failures += 1
            pause = patience.pause(failures, error.wait)
            if pause is None:
                raise
        await asyncio.sleep(pause)


async def stream(
    client: "httpx.AsyncClient",
    origin: Origin,
    patience: Patience = BRIEF,
    *,
    controller: Controller | None = None,
    tell: Callable[[str], None] = lambda _means: None,
) -> AsyncIterator[bytes]:
    """Yield the whole file in order, for a file whose length nobody knows; NetworkError when it breaks off.

    ``controller`` and ``tell`` are as for ``read_body``.
    """
    async with ask(client, origin.url, {}, patience, origin.licence) as (answer, response):
        answer.check_whole(origin.version)
        async for chunk in read_body(response, controller, tell):
            yield chunk


def read_body(
    response: "httpx.Response", controller: Controller | None, tell: Callable[[str], None]
) -> AsyncIterator[bytes]:
    """Yield the body of an answer as it comes; with a ``controller`` by giving way, and ``tell`` hears how."""
    if controller is None:
        return response.aiter_raw()
    from doctl.net.receiving import read_gently  # noqa: PLC0415 - only background downloads need it

    means, chunks = read_gently(response, controller)
    tell(means)
    return chunks


def read_into(
    response: "httpx.Response", controller: Controller | None, tell: Callable[[str], None], length: int
) -> IntoBuffer:
    """Return what reads the ``length`` bytes of a body into buffers; the rest is as for ``read_body``."""
    if controller is not None:
        return _Poured(read_body(response, controller, tell)).into
    into: IntoBuffer = response.extensions.get("into") or _Poured(response.aiter_raw()).into
    return _Gathered(into, length).into if "network_stream" in response.extensions else into


async def read(
    client: "httpx.AsyncClient", url: str, most: int, patience: Patience = BRIEF, licence: Licence | None = None
) -> bytes:
    """Return a short file whole, through redirects; OriginError when it has more than ``most`` bytes.

    ``licence`` is for a ``url`` that the user did not name.

    Raises as ``learn`` does, but asks only once, and gives it no longer than ``patience`` has for a head.
    """
    data = bytearray()
    async with _follow(client, url, {}, patience, licence) as (_, answer, response), asyncio.timeout(patience.head):
        answer.check_whole(Version(None))
        async for chunk in response.aiter_raw():
            data += chunk
            if len(data) > most:
                raise OriginError(f"{answer.who}: longer than {most} bytes")
    return bytes(data)


@contextlib.asynccontextmanager
async def ask(
    client: "httpx.AsyncClient",
    url: str,
    headers: Mapping[str, str],
    patience: Patience,
    licence: Licence | None = None,
) -> "AsyncIterator[tuple[Answer, httpx.Response]]":
    """Send a GET and give the head of the answer, and the response to read the body from.

    What httpx raises, here or while the body is read, becomes NetworkError, OriginError or UsageError. OriginError too
    where ``url`` turns out to be at an address that ``licence`` does not allow; where a proxy is, is not looked at.
    """
    who = shown(url)

    def check(dialled: str, address: IPAddress) -> None:
        direct = dialled == request.url.raw_host.decode("ascii")
        if direct and licence is not None and not licence.allows(dialled, address):
            sort = sort_of(address).value
            raise OriginError(f"{who}: a server leads there, but {address} is {sort}: refused; name it if it is meant")

    with named(who, check) as extensions:
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


class _Gathered:
    """Reads into buffers, but lets the bytes of a slow line gather first; ``left`` are to come."""

    def __init__(self, into: IntoBuffer, left: int) -> None:
        self._into = into
        self._left = left
        self._loop = asyncio.get_running_loop()

    async def into(self, buffer: memoryview) -> int:
        """Read, and then wait if it was little for the time it took."""
        before = self._loop.time()
        count = await self._into(buffer)
        self._left -= count
        if pause := pause_after(count, self._left, self._loop.time() - before):
            await asyncio.sleep(pause)
        return count


class _Poured:
    """Chunks of bytes, to be read into buffers of other sizes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    async def into(self, buffer: memoryview) -> int:
        """Fill ``buffer`` as far as what is there reaches; wait where nothing is."""
        while not self._rest:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


async def _learn(client: "httpx.AsyncClient", url: str, patience: Patience) -> Origin:
    asked = {"Range": byte_range(FIRST_BYTE.first, FIRST_BYTE.last)}
    async with _follow(client, url, asked, patience) as (target, answer, response):
        found = answer.describe()
        if found.ranges:
            await _drain(response)
    filename = suggest(url, answer.headers.get("content-disposition"))
    licence = Licence.of(urlsplit(url).hostname or "")
    return Origin(target, found.version, found.ranges, found.validator, filename, licence)


@contextlib.asynccontextmanager
async def _follow(
    client: "httpx.AsyncClient",
    url: str,
    headers: Mapping[str, str],
    patience: Patience,
    licence: Licence | None = None,
) -> "AsyncIterator[tuple[str, Answer, httpx.Response]]":
    """Ask for ``url`` and wherever it redirects, and give the last URL with what ``ask`` gives for that."""
    trail = [usable(url)]
    licence = licence or Licence.of(urlsplit(url).hostname or "")
    while True:
        async with ask(client, trail[-1], headers, patience, licence) as (answer, response):
            location = answer.redirect()
            if location is None:
                yield trail[-1], answer, response
                return
            target = next_hop(trail, location)
            await _drain(response)
        trail.append(target)


async def _drain(response: "httpx.Response") -> None:
    """Read a short body to its end, if it ends soon: only then can the connection serve the next request."""
    count = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1.0):
            async for chunk in response.aiter_raw():
                count += len(chunk)
                if count > SHORT:
                    return
