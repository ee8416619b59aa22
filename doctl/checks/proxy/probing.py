"""Asks for ranges of a file on one way to it, and notes what comes back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from doctl.endpoints import Address
from doctl.errors import DoctlError, FilteredError
from doctl.net.certificates import Certificate
from doctl.net.http_errors import named
from doctl.net.proxies.route import destination
from doctl.wire import ranges
from doctl.wire.range_faults import find_fault, total_of
from doctl.wire.range_probes import FIRST, SMALLEST_FILE, Answer, Ask, End, Kind, at_once, one_by_one
from doctl.wire.urls import shown

if TYPE_CHECKING:
    import httpx

    from doctl.net.base import Network
    from doctl.net.proxies.address import Proxy

CONNECTIONS: Final = 4
QUIET: Final = 1.0
"""Seconds without a byte after which a transfer that ran out of time is called silent, not slow; or half the time."""
LONGEST_HEADER: Final = 2_000
HEADERS: Final = frozenset(
    {"content-range", "content-length", "content-type", "content-encoding", "etag", "last-modified", "date"}
    | {"via", "server", "location", "proxy-authenticate", "www-authenticate", "proxy-agent"}
)
"""The headers that are kept."""


@dataclass(frozen=True, slots=True)
class Path:
    """What was seen on one way to a file.

    ``cut_off`` says that the time was up before everything was asked. ``certificate`` is the server's, for https.
    """

    answers: tuple[Answer, ...] = ()
    cut_off: bool = False
    certificate: Certificate | None = None

    @property
    def first(self) -> Answer:
        """The answer to the request for the first byte."""
        return next((a for a in self.answers if a.ask.kind is Kind.PART), Answer(FIRST[1], error="nothing was asked"))

    @property
    def total(self) -> int | None:
        """The size of the file, as the first range has it, else as HEAD does."""
        return total_of(self.first) or next((total for a in self.answers if (total := total_of(a))), None)


@dataclass
class _Walk:
    """The questions to one file on one way, until ``deadline``."""

    client: "httpx.AsyncClient"
    url: str
    deadline: float
    now: Callable[[], float]
    answers: list[Answer] = field(default_factory=list)
    quiet: float = field(init=False)

    def __post_init__(self) -> None:
        self.quiet = min(QUIET, (self.deadline - self.now()) / 2)

    async def all(self) -> bool:
        """Ask everything there is to ask and return whether there was time for it."""
        self.answers += await asyncio.gather(*(self.ask(each) for each in FIRST))
        path = Path(tuple(self.answers))
        if _hopeless(path):
            return self._in_time()
        total = path.total or 0
        for ask in one_by_one(total, _validator(path.first)):
            self.answers.append(await self.ask(ask))
            if not self._in_time():
                return False
        self.answers += await asyncio.gather(*(self.ask(each) for each in at_once(total)))
        return self._in_time()

    def _in_time(self) -> bool:
        return not any(answer.end in (End.LATE, End.SILENT) for answer in self.answers)

    async def ask(self, ask: Ask) -> Answer:
        """Put one question and return the answer, as far as it came."""
        reading = _Reading(ask, self.now)
        try:
            with named(shown(self.url)) as extensions:
                async with asyncio.timeout(max(self.deadline - self.now(), 0)):
                    await reading.read(self.client, self.url, extensions)
        except FilteredError as error:
            silent = self.now() - reading.heard > self.quiet
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


def _hopeless(path: Path) -> bool:
    """Whether the first answers leave nothing more to ask."""
    return find_fault(path.answers) is not None or not path.first.status or (path.total or 0) < SMALLEST_FILE


def _validator(answer: Answer) -> str | None:
    headers = answer.headers
    return ranges.if_range(headers.get("etag"), headers.get("last-modified"), headers.get("date"))


async def walk(network: "Network", url: str, proxy: "Proxy | None", deadline: float) -> Path:
    """Ask for ranges of ``url`` through ``proxy``, or directly, until ``deadline`` on the network's clock."""
    async with asyncio.TaskGroup() as group:
        certificate = group.create_task(_certificate(network, url, proxy, deadline))
        path = group.create_task(_ask_all(network, url, proxy, deadline))
    return replace(path.result(), certificate=certificate.result())


async def _ask_all(network: "Network", url: str, proxy: "Proxy | None", deadline: float) -> Path:
    try:
        where = proxy.address.host if proxy else destination(url).host
        await network.resolve(where, max(deadline - network.now(), 0))  # bounded, unlike the look-up of the client
    except DoctlError as error:
        return Path(tuple(Answer(each, end=End.CLOSED, error=str(error)) for each in FIRST))
    address = proxy.url if proxy else None
    timeout = max(deadline - network.now(), 0.01)
    async with network.http(proxy=address, direct=proxy is None, timeout=timeout, connections=CONNECTIONS) as client:
        walking = _Walk(client, url, deadline, network.now)
        in_time = await walking.all()
    return Path(tuple(walking.answers), not in_time)


async def _certificate(network: "Network", url: str, proxy: "Proxy | None", deadline: float) -> Certificate | None:
    """Look at the certificate of an https server; nothing where it cannot be had, which the questions tell as well."""
    where = destination(url)
    if where.scheme != "https":
        return None
    address = Address(where.host, where.port)
    try:
        left = max(deadline - network.now(), 0.01)
        return await network.certificate(address, where.host, left, proxy=proxy.url if proxy else None)
    except DoctlError:
        return None
