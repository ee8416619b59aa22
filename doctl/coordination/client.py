"""A client of the coordination service: the chain of five steps, and keeping one's place in a swarm.

Time and chance are parameters. Everything the service says is bounded before it is used (``wire.service_fields``), and
where it leads to is checked (``peer_list``).
"""

import asyncio
import contextlib
import ipaddress
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from doctl import __version__
from doctl.coordination.peer_list import check_place, licence_of
from doctl.errors import NetworkError, OriginError, ServiceError, UsageError
from doctl.net.http_errors import named
from doctl.printable import printable
from doctl.settings import IPAddress
from doctl.wire import service
from doctl.wire.joining import JoinAnswer, JoinEvent, JoinRequest, parse_join_answer
from doctl.wire.ranges import parse_retry_after
from doctl.wire.service import ContentPolicy, Discovery, Geo, KeyValues
from doctl.wire.urls import shown

if TYPE_CHECKING:
    import httpx

LIFETIME: Final = 3600.0
"""Seconds that an answer is kept where it says nothing else."""
LONGEST: Final = 86_400.0
"""Seconds that an answer is kept at most, and that we wait at most before we ask again."""
SHORTEST: Final = 60.0
"""Seconds between two joins of a machine that has been in a swarm for a while, however often the service wants them.

Each answer may make it call strangers: a service that lies must not have it call thousands.
"""
HUNGRY: Final = 2.0
"""Seconds until the next join of a machine that has too few peers; doubles up to the service's own interval."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0
LOOK: Final = 0.25
"""Seconds between two looks at whether the machine has become hungry."""
REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    401: ("no_token", "it wants a token (--token-file)"),
    403: ("refused", "it refuses us"),
    404: ("not_published", "it does not know this content"),
    429: ("too_many", "it was asked too often"),
    503: ("busy", "it cannot answer just now"),
}
"""The reason and its words by status."""

_MAX_AGE = re.compile(r"\bmax-age=(\d{1,10})\b")
Answer = TypeVar("Answer")
Parse = Callable[[bytes, str], Answer]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer's body and what is needed of its head; ``lifetime`` is how many seconds it may be kept."""

    data: bytes
    content_type: str
    lifetime: float


class Service:
    """The service at ``base``, an http or https URL; asked with ``client``, each question for ``timeout`` seconds."""

    def __init__(
        self,
        client: "httpx.AsyncClient",
        base: str,
        *,
        now: Callable[[], float],
        token: str = "",
        timeout: float = 10.0,
    ) -> None:
        self.base = base.rstrip("/")
        self.local: IPAddress | None = None
        """Our own address on the way to the service, once it was asked."""
        self._client = client
        self._now = now
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout
        self._kept: dict[str, tuple[float, object]] = {}

    async def geo(self) -> Geo:
        """Take the first step: who and where we are. Raises NetworkError, ServiceError, as the others do."""
        query = service.geo_query(__version__)
        try:
            return await self._step("geo", f"{self.base}/geo", query, service.parse_geo)
        except ServiceError as error:
            if error.reason != "not_published":
                raise
            raise ServiceError(f"{shown(self.base)}: no coordination service is there", reason="failing") from error

    async def content_policy(self, url: str) -> ContentPolicy:
        """Ask what the content at ``url`` is to be trusted as."""
        values = await self._key_values()
        place = service.uri_of(values.content_policy_uri, "")
        query = service.content_policy_query(url)
        policy = await self._step(f"policy {url}", place, query, service.parse_content_policy)
        for phf in policy.hash_file_urls:
            check_place(phf, self.base)
        return policy

    async def join(self, request: JoinRequest) -> JoinAnswer:
        """Take or leave a place in a swarm and return its peers."""
        try:
            array = await self._array(request.content_id, request.url)
            headers = {"Content-Type": service.JSON_TYPE, **self._headers}
            reply = await self._ask("POST", array.join_url, content=request.encode(), headers=headers)
        except (NetworkError, ServiceError):
            self._kept.clear()  # what leads there may have moved
            raise
        return parse_join_answer(reply.data, reply.content_type)

    async def swarm(self, content_id: str, url: str) -> JoinAnswer:
        """Return the members of a swarm without joining it; our own part of the protocol."""
        array = await self._array(content_id, url)
        query = service.swarm_query(content_id, url)
        reply = await self._ask("GET", array.peers_url, params=query, headers=self._headers)
        return parse_join_answer(reply.data, reply.content_type)

    async def _key_values(self) -> KeyValues:
        geo = await self.geo()
        query = service.key_value_query(geo, __version__)
        return await self._step("key-value", geo.key_value_uri, query, service.parse_key_values)

    async def _array(self, content_id: str, url: str) -> Discovery:
        values, geo = await self._key_values(), await self.geo()
        place = service.uri_of(values.discovery_uri, content_id)
        query = service.discovery_query(geo, url)
        return await self._step(f"array {content_id} {url}", place, query, service.parse_discovery)

    async def _step(self, name: str, url: str, query: Mapping[str, str], parse: Parse[Answer]) -> Answer:
        """Return the answer that is kept under ``name``, or ask for it."""
        until, kept = self._kept.get(name, (0.0, None))
        if kept is not None and self._now() < until:
            return kept  # type: ignore[return-value]  # a name stands for one kind of answer
        reply = await self._ask("GET", url, params=query)
        answer = parse(reply.data, reply.content_type)
        self._kept[name] = (self._now() + reply.lifetime, answer)
        return answer

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        check_place(url, self.base)
        with _blamed(), named(shown(url), self._check) as extensions:
            request = self._client.build_request(
                method, url, params=params, content=content, headers=headers, extensions=extensions
            )
            async with asyncio.timeout(self._timeout):
                async with _closing(await self._client.send(request, stream=True)) as response:
                    self._note_local(response)
                    return await _read(shown(url), response)

    def _check(self, host: str, address: IPAddress) -> None:
        """Refuse a place that the service leads to by a name, as ``check_place`` does one by its address."""
        if not licence_of(self.base).allows(host, address):
            raise ServiceError(
                f"the service leads to {printable(host, 100)}, which is {address}; refused", reason="bad_place"
            )

    def _note_local(self, response: "httpx.Response") -> None:
        stream = response.extensions.get("network_stream")
        place = stream.get_extra_info("client_addr") if stream is not None else None
        if place:
            with contextlib.suppress(ValueError):
                self.local = ipaddress.ip_address(str(place[0]).partition("%")[0].removeprefix("::ffff:"))


@contextlib.contextmanager
def _blamed() -> Iterator[None]:
    """Turn what is wrong with HTTP, or with a URL that the service gave, into a ServiceError."""
    try:
        yield
    except (OriginError, UsageError) as error:
        raise ServiceError(str(error), reason="not_http") from error


@contextlib.asynccontextmanager
async def _closing(response: "httpx.Response") -> "AsyncIterator[httpx.Response]":
    try:
        yield response
    finally:
        await response.aclose()


async def _read(who: str, response: "httpx.Response") -> Reply:
    """Read an answer in bounds; ServiceError for one that is no success."""
    if response.status_code in range(300, 400):
        raise ServiceError(f"{who}: leads elsewhere: a captive portal or a proxy answers", reason="captive_portal")
    if response.status_code != HTTPStatus.OK:
        reason, words = REFUSALS.get(response.status_code, ("failing", f"it answered {response.status_code}"))
        wait = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        raise ServiceError(f"{who}: {words}", reason=reason, wait=wait)
    data = bytearray()
    async for part in response.aiter_raw():
        data += part
        if len(data) > service.MOST_ANSWER:
            raise ServiceError(f"{who}: answers with more than {service.MOST_ANSWER} bytes", reason="too_large")
    age = _MAX_AGE.search(response.headers.get("cache-control", ""))
    lifetime = min(float(age[1]), LONGEST) if age else LIFETIME
    return Reply(bytes(data), response.headers.get("content-type", ""), lifetime)


class Membership:
    """A place in one swarm, kept until ``leave``: joins, joins again in time, and sooner while hungry."""

    def __init__(
        self,
        join: Callable[[JoinEvent], Awaitable[JoinAnswer]],
        *,
        heard: Callable[[JoinAnswer], None],
        failed: Callable[[NetworkError | ServiceError], None],
        hungry: Callable[[], bool] = lambda: False,
        now: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        """``heard`` and ``failed`` are told how each join went; ``chance`` gives a random number from 0 to 1."""
        self._join = join
        self._heard = heard
        self._failed = failed
        self._hungry = hungry
        self._now = now
        self._chance = chance
        self._joined = False

    async def run(self) -> None:
        """Keep the place until cancelled; what goes wrong is told and tried again."""
        failures = hungry = 0
        while True:
            try:
                answer = await self._join(JoinEvent.AGAIN if self._joined else JoinEvent.FIRST)
            except (NetworkError, ServiceError) as error:
                failures += 1
                self._failed(error)
                asked = error.wait if isinstance(error, ServiceError) else None
                await asyncio.sleep(pause_after_failure(failures, asked, self._chance()))
                continue
            failures, self._joined = 0, True
            self._heard(answer)
            hungry = hungry + 1 if self._hungry() else 0
            await self._wait(answer.interval, hungry)

    async def _wait(self, interval: float, hungry: int) -> None:
        """Wait until the next join is due: in time, or sooner once the machine is hungry."""
        start, chance = self._now(), self._chance()
        left = math.inf
        while left > LOOK:  # the last sleep is the end: a coarse clock shows something left after it, again and again
            due = pause_while_hungry(hungry, interval, chance) if self._hungry() else spread(interval, chance)
            left = start + due - self._now()
            await asyncio.sleep(min(LOOK, max(left, 0.0)))

    async def leave(self) -> None:
        """Say goodbye, if ever we came; a service that does not hear it forgets us by itself."""
        if self._joined:
            self._joined = False
            with contextlib.suppress(NetworkError, ServiceError):
                await self._join(JoinEvent.LAST)


def pause_after_failure(failures: int, asked: float | None, chance: float) -> float:
    """Return the seconds to wait after so many failures in a row: doubling, spread over the upper half by ``chance``.

    What the service asks for is the least.
    """
    doubled = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
    return min(LONGEST, max(asked or 0.0, 0.0) + doubled * (0.5 + chance / 2))


def pause_while_hungry(joins: int, interval: float, chance: float) -> float:
    """Return the seconds until a hungry machine joins again, after so many joins that left it so."""
    return min(max(interval, SHORTEST), HUNGRY * 2.0 ** min(max(joins - 1, 0), 30) * (0.5 + chance / 2))


def spread(interval: float, chance: float) -> float:
    """Return ``interval`` made up to a tenth shorter, so that machines that started at once do not stay so."""
    return max(interval, SHORTEST) * (1 - chance / 10)
