"""Asks for ranges of a file on one way to it, and notes what comes back."""

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from doctl.endpoints import Address
from doctl.errors import DoctlError
from doctl.net.certificates import Certificate
from doctl.net.proxies.route import destination
from doctl.net.range_reading import RangeReader
from doctl.wire import ranges
from doctl.wire.range_faults import find_fault, total_of
from doctl.wire.range_probes import FIRST, SMALLEST_FILE, Answer, End, Kind, at_once, one_by_one

if TYPE_CHECKING:
    from doctl.net.base import Network
    from doctl.net.proxies.address import Proxy

CONNECTIONS: Final = 4


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


class _Walk:
    """The questions to one file on one way."""

    def __init__(self, reader: RangeReader) -> None:
        self.ask = reader.ask
        self.answers: list[Answer] = []

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
        walking = _Walk(RangeReader(client, url, deadline, network.now))
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
