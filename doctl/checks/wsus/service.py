"""Whether the coordination service can be reached: the first two steps of its chain, as Windows walks them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from doctl.checks.wsus.asking import Asking, Reply
from doctl.endpoints import SERVICE_PORT, Address
from doctl.errors import DoctlError, ServiceError, TlsError
from doctl.net.proxies.route import Choice, choose
from doctl.printable import printable
from doctl.wire.service import Geo, KeyValues, geo_query, key_value_query, parse_geo, parse_key_values

if TYPE_CHECKING:
    from doctl.net.base import Network
    from doctl.net.certificates import Certificate
    from doctl.net.proxies.address import Proxy

HOST: Final = "geo.prod.do.dsp.mp.microsoft.com"
CLIENT_VERSION: Final = "10.0.22631.3447"
"""A version of Windows, which Microsoft's own troubleshooter sends as well; the answer does not depend on it."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the chain went: ``geo`` and ``key_values`` are its answers, ``error`` what came instead of the next one.

    ``url`` is the last that was asked, without its query. ``certificate`` is the server's, where this system does not
    trust it. ``proxy`` is what the requests went through.
    """

    url: str
    proxy: str = ""
    geo: Geo | None = None
    key_values: KeyValues | None = None
    error: DoctlError | None = None
    certificate: "Certificate | None" = None


async def walk(network: "Network", timeout: float) -> Walk:
    """Ask for our location, and then for the addresses of the next steps, all within ``timeout`` seconds."""
    url = f"https://{HOST}/geo"
    deadline = network.now() + timeout
    proxy: Proxy | None = None
    try:
        proxy = choose(url, Choice(), await network.proxy_settings(timeout / 2)).proxy
        where = proxy.address.host if proxy else HOST
        await network.resolve(where, max(deadline - network.now(), 0.01))  # bounded, unlike the look-up of the client
        return await _walk(network, url, proxy, deadline)
    except TlsError as error:
        return Walk(url, str(proxy or ""), error=error, certificate=await _certificate(network, proxy, deadline))
    except DoctlError as error:
        return Walk(url, str(proxy or ""), error=error)


async def _walk(network: "Network", url: str, proxy: "Proxy | None", deadline: float) -> Walk:
    through = proxy.url if proxy else None
    left = max(deadline - network.now(), 0.01)
    async with network.http(proxy=through, direct=proxy is None, timeout=left) as client:
        asking = Asking(network, client, deadline)
        reply = _usable(await asking.get(f"{url}?{urlencode(geo_query(CLIENT_VERSION))}"))
        geo = parse_geo(reply.body, reply.headers.get("content-type", ""))
        shown, query = _bare(geo.key_value_uri), urlencode(key_value_query(geo, CLIENT_VERSION))
        try:
            if not shown.startswith("https://"):
                raise ServiceError("it leads on by plain http, which Windows' service never does", reason="bad_value")
            reply = _usable(await asking.get(f"{shown}?{query}"))
            found = parse_key_values(reply.body, reply.headers.get("content-type", ""))
        except DoctlError as error:
            return Walk(shown, str(proxy or ""), geo, error=error)
    return Walk(shown, str(proxy or ""), geo, found)


def _bare(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _usable(reply: Reply) -> Reply:
    """Return ``reply`` if it is an answer; ServiceError for a refusal, and what the network raised."""
    if reply.error:
        raise reply.error
    if reply.away_to:
        raise ServiceError(f"it redirects to {printable(reply.away_to, 120)}: a login page, or a filter")
    if reply.status != 200:
        raise ServiceError(f"it answers {reply.status}")
    return reply


async def _certificate(network: "Network", proxy: "Proxy | None", deadline: float) -> "Certificate | None":
    """Look at a certificate that is not trusted here; nothing where it cannot be had any more."""
    left = max(deadline - network.now(), 0.01)
    try:
        return await network.certificate(Address(HOST, SERVICE_PORT), HOST, left, proxy=proxy.url if proxy else None)
    except DoctlError:
        return None
