"""Asks for ranges of a file over HTTP, and notes what comes back and how it ends."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from doctl.errors import DoctlError, FilteredError
from doctl.net.http_errors import named
from doctl.wire.range_probes import Answer, Ask, End, Kind
from doctl.wire.urls import shown

if TYPE_CHECKING:
    import httpx

QUIET: Final = 1.0
"""Seconds without a byte after which a transfer that ran out of time is called silent, not slow; or half the time."""
LONGEST_HEADER: Final = 2_000
HEADERS: Final = frozenset(
    {"content-range", "content-length", "content-type", "content-encoding", "etag", "last-modified", "date"}
    | {"via", "server", "location", "proxy-authenticate", "www-authenticate", "proxy-agent"}
)
"""The headers that are kept."""


class RangeReader:
    """Puts questions about the file at ``url``, until ``deadline`` on the clock ``now``."""

    def __init__(self, client: "httpx.AsyncClient", url: str, deadline: float, now: Callable[[], float]) -> None:
        self._client = client
        self._url = url
        self._deadline = deadline
        self._now = now
        self._quiet = min(QUIET, (deadline - now()) / 2)

    async def ask(self, ask: Ask) -> Answer:
        """Put one question and return the answer, as far as it came."""
        reading = _Reading(ask, self._now)
        try:
            with named(shown(self._url)) as extensions:
                async with asyncio.timeout(max(self._deadline - self._now(), 0)):
                    await reading.read(self._client, self._url, extensions)
        except FilteredError as error:
            silent = self._now() - reading.heard > self._quiet
            return reading.answer(End.SILENT if silent else End.LATE, str(error))
        except DoctlError as error:
            return reading.answer(End.CLOSED, str(error))
        return reading.answer()


class _Reading:
    """One answer while it comes in."""

    def __init__(self, ask: Ask, now: Callable[[], float]) -> None:
        self.ask = ask
        self.now = now
        self.heard = now()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.end = End.COMPLETE

    async def read(self, client: "httpx.AsyncClient", url: str, extensions: dict[str, object]) -> None:
        """Read the answer, and of its body no more than a byte past what was asked for."""
        import httpx  # noqa: PLC0415 - loaded by the client already

        method = "HEAD" if self.ask.kind is Kind.HEAD else "GET"
        try:
            async with client.stream(method, url, headers=self.ask.headers, extensions=extensions) as response:
                self.status, self.heard = response.status_code, self.now()
                self.headers = {n: v[:LONGEST_HEADER] for n, v in response.headers.items() if n in HEADERS}
                if self.status == 206:
                    await self._read_body(response)
        except httpx.ProxyError as error:  # an answer to CONNECT, of which only the status line is told
            self.status = _status_of(str(error))
            if not self.status:
                raise

    async def _read_body(self, response: "httpx.Response") -> None:
        async for chunk in response.aiter_raw():
            self.body += chunk
            self.heard = self.now()
            if len(self.body) > self.ask.size:
                del self.body[self.ask.size + 1 :]
                self.end = End.MORE
                return

    def answer(self, end: End | None = None, error: str = "") -> Answer:
        """Return what came; ``end`` and ``error`` say why there is no more."""
        return Answer(self.ask, self.status, self.headers, bytes(self.body), end or self.end, error)


def _status_of(message: str) -> int:
    """Return the status with which httpcore's message about a refused CONNECT begins, or 0."""
    text = message.partition(" ")[0]
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else 0
