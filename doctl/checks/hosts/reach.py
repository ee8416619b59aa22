"""Looks at one concrete host: its names, both address families, its certificate, its HTTP answer."""

import asyncio
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from doctl.endpoints import (
    HTTP_PORT,
    SERVICE_PORT,
    TEREDO_PORT,
    TEST_FILE_BYTES,
    TEST_FILE_URL,
    Address,
    Endpoint,
    documented,
)
from doctl.errors import DoctlError, NameLookupError, NetworkError, OriginError, UsageError
from doctl.net.http_errors import named
from doctl.net.probe import Attempt, Outcome, Reach, attempt, one_of_each_family, reach
from doctl.printable import printable
from doctl.wire.allowlist import to_ascii

if TYPE_CHECKING:
    import httpx

    from doctl.net.base import Network
    from doctl.net.certificates import Certificate

_TEST_HOST, _, _TEST_PATH = TEST_FILE_URL.removeprefix("http://").partition("/")
PATHS: Final = {_TEST_HOST: f"/{_TEST_PATH}"}
"""What to ask a host for; others are asked for their root, to which any answer will do."""
TOTALS: Final = {_TEST_HOST: TEST_FILE_BYTES}
"""How many bytes what is asked for has."""
_PORTS: Final = {"http": HTTP_PORT, "https": SERVICE_PORT, "teredo": TEREDO_PORT}
GRACE: Final = 0.5
"""Seconds past the limit that all stages share, after which one that did not keep to it is cut off."""


@dataclass(frozen=True, slots=True)
class Place:
    """A concrete host to look at; ``row`` is its documented row, None for a name that only the user knows.

    ``sample`` is set for a name that was seen in the field and may be gone.
    """

    name: str
    scheme: str
    port: int
    row: Endpoint | None = None
    sample: bool = False

    @property
    def authority(self) -> str:
        """The host as a URL has it: an IPv6 address in brackets, and a port that is not the scheme's own."""
        if self.port == _PORTS.get(self.scheme):
            return f"[{self.name}]" if ":" in self.name else self.name
        return str(Address(self.name, self.port))


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The head of an answer, cleaned; ``total`` is the length of the whole file, None where that is not said."""

    status_code: int
    server: str = ""
    location: str = ""
    proxy_error: str = ""
    total: int | None = None


@dataclass(slots=True)
class Seen:
    """What was seen of a place; a stage that was not come to is None, one that failed left its error."""

    place: Place
    reach: Reach | None = None
    aliases: tuple[str, ...] = ()
    dns_problem: str = ""
    certificate: "Certificate | None" = None
    tls_error: DoctlError | None = None
    answer: HttpAnswer | None = None
    http_error: DoctlError | None = None
    port_80: Outcome | None = None
    duration_s: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a connection to any of its addresses was opened."""
        return self.reach is not None and any(one.outcome is Outcome.OPEN for one in self.reach.attempts)


def read_place(text: str) -> Place:
    """Read a host that a user names: ``HOST``, ``HOST:PORT`` or a URL; UsageError when it is none.

    A documented host is reached as documented, any other by HTTPS on port 443.
    """
    scheme, mark, rest = text.lower().partition("://")
    if mark and scheme not in ("http", "https"):
        raise UsageError(f'"{printable(text, 80)}" is not a host: write HOST, HOST:PORT, http://HOST or https://HOST')
    address = Address.parse(rest.partition("/")[0] if mark else scheme, default_port=0)
    name = _host_name(address.host)
    row = documented(name)
    if not mark:
        scheme = {HTTP_PORT: "http", SERVICE_PORT: "https"}.get(address.port, row.scheme if row else "https")
    default = row.port if row and row.scheme == scheme else {"http": HTTP_PORT}.get(scheme, SERVICE_PORT)
    return Place(name, scheme, address.port or default, row)


def _host_name(host: str) -> str:
    try:
        return to_ascii(host.removesuffix("."))
    except ValueError as error:
        raise UsageError(f'"{printable(host, 80)}" {error}') from None


async def look(network: "Network", client: "httpx.AsyncClient", place: Place, timeout: float) -> Seen:
    """Look at ``place``, everything together within ``timeout`` seconds."""
    seen, start = Seen(place), network.now()
    try:
        async with asyncio.timeout(timeout + GRACE):
            await asyncio.gather(
                _aliases(network, seen, timeout),
                _stages(network, client, seen, start + timeout),
                _plain(network, seen, timeout),
            )
    except TimeoutError:
        pass  # what was seen by then says how far it came
    seen.duration_s = network.now() - start
    return seen


async def _aliases(network: "Network", seen: Seen, timeout: float) -> None:
    if _is_literal(seen.place.name):
        return
    try:
        seen.aliases = await network.aliases(seen.place.name, timeout)
    except NameLookupError as error:
        seen.dns_problem = str(error)


async def _plain(network: "Network", seen: Seen, timeout: float) -> None:
    """Try port 80 of a host of the service too: older pages name it, though 443 decides."""
    if seen.place.row and seen.place.row.pinned:
        attempts = (await reach(network, Address(seen.place.name, HTTP_PORT), timeout)).attempts
        seen.port_80 = attempts[0].outcome if attempts else None


async def _stages(network: "Network", client: "httpx.AsyncClient", seen: Seen, deadline: float) -> None:
    """Resolve, connect to both families at once, and go on with the first that opens while the other is waited for."""
    place = seen.place
    target = Address(place.name, place.port)
    try:
        addresses = one_of_each_family(await network.resolve(place.name, deadline - network.now()))
    except NetworkError as error:
        seen.reach = Reach(target, (), str(error))
        return
    if place.scheme == "teredo":  # what answers there speaks UDP
        seen.reach = Reach(target, ())
        return
    async with asyncio.TaskGroup() as group:
        left = deadline - network.now()
        tries = [group.create_task(attempt(network, Address(one, place.port), left)) for one in addresses]
        if opened := await _first_open(tries):
            await _beyond(network, client, seen, opened, deadline)
    seen.reach = Reach(target, tuple(one.result() for one in tries))


async def _first_open(tries: list["asyncio.Task[Attempt]"]) -> str:
    """Return the address that opens first, or nothing when none does."""
    for finished in asyncio.as_completed(tries):
        if (one := await finished).outcome is Outcome.OPEN:
            return one.address
    return ""


async def _beyond(network: "Network", client: "httpx.AsyncClient", seen: Seen, opened: str, deadline: float) -> None:
    """Look at the certificate, and ask for an answer unless that would be refused for want of trust."""
    address = Address(opened, seen.place.port)
    if seen.place.scheme == "https":
        await _certificate(network, seen, address, deadline - network.now())
    trusted = seen.certificate is not None and seen.certificate.verified
    if seen.place.scheme == "http" or trusted:
        await _ask(client, seen, address, deadline - network.now())


async def _certificate(network: "Network", seen: Seen, address: Address, timeout: float) -> None:
    try:
        seen.certificate = await network.certificate(address, seen.place.name, max(timeout, 0.001))
    except (NetworkError, OriginError) as error:
        seen.tls_error = error


async def _ask(client: "httpx.AsyncClient", seen: Seen, address: Address, timeout: float) -> None:
    """Ask for one byte, at the address that was open, so that nothing is looked up again; read the head alone."""
    place = seen.place
    url = f"{place.scheme}://{address}{PATHS.get(place.name, '/')}"
    headers = {"Host": place.authority, "Range": "bytes=0-0"}
    try:
        with named(f"{place.scheme}://{place.authority}") as extensions:
            extensions |= {"sni_hostname": place.name}
            async with (
                asyncio.timeout(max(timeout, 0.001)),
                client.stream("GET", url, headers=headers, extensions=extensions) as response,
            ):
                seen.answer = _head(response.status_code, response.headers)
    except (NetworkError, OriginError, UsageError) as error:
        seen.http_error = error


def _head(status_code: int, headers: "httpx.Headers") -> HttpAnswer:
    total = headers.get("content-range", "").rpartition("/")[2] or headers.get("content-length", "")
    return HttpAnswer(
        status_code=status_code,
        server=printable(headers.get("server", ""), 80),
        location=printable(headers.get("location", ""), 200),
        proxy_error=printable(headers.get("x-squid-error", ""), 80),
        total=int(total[:20]) if total.isascii() and total.isdigit() else None,
    )


def _is_literal(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False
