"""Asks a WSUS server what shows that it is one, that it serves content, and that it honours ranges."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from doctl.endpoints import Address
from doctl.errors import DoctlError
from doctl.net.http_errors import named
from doctl.net.probe import Reach, reach
from doctl.net.proxies.route import destination
from doctl.net.range_reading import RangeReader
from doctl.wire import wsus
from doctl.wire.range_faults import find_fault, total_of
from doctl.wire.range_probes import FIRST, Answer, End
from doctl.wire.urls import shown
from doctl.wire.wsus import Place

if TYPE_CHECKING:
    import httpx

    from doctl.net.base import Network

CONNECTIONS: Final = 8
HEADERS: Final = ("content-type", "location", "server", "strict-transport-security")
LONGEST_HEADER: Final = 2_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back from ``url``: ``status`` 0 and ``error`` where nothing did; ``headers`` are those of HEADERS."""

    url: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: DoctlError | None = None

    @property
    def away_to(self) -> str:
        """Where the answer redirects to, empty where it does not."""
        return self.headers.get("location", "") if 300 <= self.status < 400 else ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a server. ``description`` is asked for only where ``config`` is no WSUS server's.

    ``server_port`` and ``content_port`` say what came of connecting to the ports of metadata and of content.
    """

    place: Place
    server_port: Reach
    content_port: Reach
    config: Reply
    description: Reply | None
    check_file: Reply
    ranges: tuple[Answer, ...]

    @property
    def range_file(self) -> str:
        """The URL that ``ranges`` were asked of."""
        return _range_file(self.place)


async def look(network: "Network", place: Place, timeout: float) -> Seen:
    """Ask everything at once, all within ``timeout`` seconds; directly, as is right for a server of one's own."""
    deadline = network.now() + timeout
    server_port, content_port, asked = await asyncio.gather(
        reach(network, address_of(place.url), timeout),
        reach(network, address_of(place.content), timeout),
        _asked(network, place, deadline),
    )
    return Seen(place, server_port, content_port, *asked)


def address_of(url: str) -> Address:
    """Return the host and port of an http or https URL."""
    where = destination(url)
    return Address(where.host, where.port)


async def check_file(network: "Network", url: str, timeout: float) -> Reply:
    """Ask the server at ``url`` for the check file alone."""
    deadline = network.now() + timeout
    try:
        await network.resolve(address_of(url).host, timeout)  # bounded, unlike the look-up of the client
    except DoctlError as error:
        return Reply(url, error=error)
    async with network.http(direct=True, timeout=max(deadline - network.now(), 0.01)) as client:
        return await Asking(network, client, deadline).get(url + wsus.CHECK_FILE)


async def _asked(
    network: "Network", place: Place, deadline: float
) -> tuple[Reply, Reply | None, Reply, tuple[Answer, ...]]:
    """Return the answers to GetConfig, for the description, for the check file and for ranges."""
    try:
        await network.resolve(address_of(place.url).host, deadline - network.now())  # as above
    except DoctlError as error:
        reply = Reply(place.url, error=error)
        return reply, None, replace(reply, url=place.content), (Answer(FIRST[1], end=End.CLOSED, error=str(error)),)
    left = max(deadline - network.now(), 0.01)
    async with network.http(direct=True, timeout=left, connections=CONNECTIONS) as client:
        asking = Asking(network, client, deadline)
        (config, description), checked, ranges = await asyncio.gather(
            _is_it(asking, place), asking.get(place.content + wsus.CHECK_FILE), _ranges(asking, _range_file(place))
        )
    return config, description, checked, ranges


def _range_file(place: Place) -> str:
    return place.file or place.content + wsus.RANGE_FILE


async def _is_it(asking: "Asking", place: Place) -> tuple[Reply, Reply | None]:
    url = place.url + wsus.CLIENT_SERVICE
    config = await asking.ask("POST", url, content=wsus.GET_CONFIG, headers=wsus.GET_CONFIG_HEADERS)
    if config.error or wsus.is_config(config.body):
        return config, None
    return config, await asking.get(place.url + wsus.DESCRIPTION)


async def _ranges(asking: "Asking", url: str) -> tuple[Answer, ...]:
    """Ask for the first byte, and if that comes, for two ranges side by side."""
    reader = RangeReader(asking.client, url, asking.deadline, asking.network.now)
    first = await reader.ask(FIRST[1])
    pair = wsus.adjacent(total_of(first) or 0)
    if pair is None or find_fault((first,)):
        return (first,)
    return (first, await reader.ask(pair[0]), await reader.ask(pair[1]))


@dataclass(frozen=True, slots=True)
class Asking:
    """Requests with one client, until ``deadline`` on the network's clock."""

    network: "Network"
    client: "httpx.AsyncClient"
    deadline: float

    async def get(self, url: str) -> Reply:
        """Ask for ``url``."""
        return await self.ask("GET", url)

    async def ask(self, method: str, url: str, **request: Any) -> Reply:
        """Make a request and read the answer, of which at most ``wsus.MOST_ANSWER`` bytes are kept."""
        try:
            with named(shown(url)) as extensions:
                async with (
                    asyncio.timeout(max(self.deadline - self.network.now(), 0)),
                    self.client.stream(method, url, extensions=extensions, **request) as response,
                ):
                    headers = {n: response.headers[n][:LONGEST_HEADER] for n in HEADERS if n in response.headers}
                    return Reply(url, response.status_code, headers, await _body(response))
        except DoctlError as error:
            return Reply(url, error=error)


async def _body(response: "httpx.Response") -> bytes:
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > wsus.MOST_ANSWER:
            return body[: wsus.MOST_ANSWER]
    return body
