"""Finds out the route of each URL, running PAC scripts where one decides."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from doctl.errors import DoctlError, UsageError
from doctl.net.proxies import pac
from doctl.net.proxies.address import Proxy
from doctl.net.proxies.route import Choice, ProxySettings, Route, choose

if TYPE_CHECKING:
    from doctl.net.base import Network

SCRIPTS_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Routed:
    """The route of one URL, as far as it could be found out.

    ``proxy`` is the one to use, None for none. ``script_said`` is what a PAC script returned, and ``others`` what it
    named besides. ``error`` tells why the route is not known.
    """

    url: str
    route: Route
    proxy: Proxy | None = None
    script_said: str = ""
    others: tuple[Proxy | None, ...] = ()
    error: DoctlError | None = None


async def find_routes(
    network: "Network", urls: Sequence[str], choice: Choice, settings: ProxySettings, deadline: float
) -> list[Routed]:
    """Return the route of each URL; UsageError where the command line names a PAC that cannot be read."""
    routed = [_choose(url, choice, settings) for url in urls]
    sources = dict.fromkeys(r.route.pac_url for r in routed if r.route.pac_url)
    loaded = await asyncio.gather(*(_load(network, source, deadline) for source in sources))
    scripts = dict(zip(sources, loaded, strict=True))
    if choice.pac is not None and isinstance(error := scripts[choice.pac], UsageError):
        raise error
    turn = asyncio.Semaphore(SCRIPTS_AT_ONCE)

    async def decide(one: Routed) -> Routed:
        if not one.route.pac_url:
            return one
        async with turn:
            return await _by_script(network, one, scripts[one.route.pac_url], settings, deadline)

    return await asyncio.gather(*(decide(one) for one in routed))


def _choose(url: str, choice: Choice, settings: ProxySettings) -> Routed:
    try:
        route = choose(url, choice, settings)
    except UsageError as error:
        return Routed(url, Route(None, "unknown", str(error)), error=error)
    return Routed(url, route, route.proxy)


async def _load(network: "Network", source: str, deadline: float) -> str | DoctlError:
    try:
        return await pac.load(network, source, max(deadline - network.now(), 0.01))
    except DoctlError as error:
        return error


async def _by_script(
    network: "Network", one: Routed, script: str | DoctlError, settings: ProxySettings, deadline: float
) -> Routed:
    if isinstance(script, DoctlError):
        return replace(one, error=script)
    left = max(deadline - network.now(), 0.01)
    try:
        named = await pac.find_proxies(network, script, one.url, settings.own_addresses, left)
    except DoctlError as error:
        return replace(one, error=error)
    return replace(one, proxy=named.proxies[0], script_said=named.said, others=named.proxies[1:])
