"""Which proxy applies to each URL and why, and whether byte ranges come through it unharmed."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from doctl.checks.proxy.findings import USABLE, Seen, range_finding, route_finding, untested
from doctl.checks.proxy.probing import walk
from doctl.checks.proxy.routing import Routed, find_routes
from doctl.endpoints import TEST_FILE_URL
from doctl.errors import UsageError
from doctl.net.proxies.address import Proxy
from doctl.net.proxies.route import Choice
from doctl.report import Found
from doctl.wire import urls

if TYPE_CHECKING:
    from doctl.net.base import Network

MOST_URLS: Final = 64


@dataclass(frozen=True, slots=True)
class Options:
    """What to check: ``urls``, by the machine's settings or as ``choice`` says.

    Where ``compare``, what comes through a proxy is compared with a direct connection. ``timeout`` is in seconds, for
    everything about one URL. UsageError for what cannot be asked.
    """

    urls: tuple[str, ...] = (TEST_FILE_URL,)
    choice: Choice = field(default_factory=Choice)
    compare: bool = True
    timeout: float = 5.0

    def __post_init__(self) -> None:
        if len(self.urls) > MOST_URLS:
            raise UsageError(f"at most {MOST_URLS} URLs at once: run it again with the others")
        for url in self.urls:
            urls.usable(url)
        if self.choice.proxy is not None:
            Proxy.parse(self.choice.proxy)


async def run(network: "Network", options: Options, found: Found) -> None:
    """Report the route of each URL, and what happens to ranges on it; all URLs at once."""
    deadline = network.now() + options.timeout
    settings = await network.proxy_settings(options.timeout / 2)
    wanted = list(dict.fromkeys(url.strip() for url in options.urls))
    routes = await find_routes(network, wanted, options.choice, settings, deadline)
    for routed in routes:
        found(route_finding(routed, settings))
    async with asyncio.TaskGroup() as group:
        for routed in routes:
            group.create_task(_test(network, routed, options, deadline, found))


async def _test(network: "Network", routed: Routed, options: Options, deadline: float, found: Found) -> None:
    if routed.error is not None or (routed.proxy and routed.proxy.scheme not in USABLE):
        found(untested(routed))
        return
    start = network.now()
    finding = range_finding(await _see(network, routed, options, deadline))
    found(replace(finding, duration_s=round(network.now() - start, 3)))


async def _see(network: "Network", routed: Routed, options: Options, deadline: float) -> Seen:
    """Walk the route, and beside it the direct way where the two are to be compared."""
    if routed.proxy is None or not options.compare:
        return Seen(routed, await walk(network, routed.url, routed.proxy, deadline))
    path, direct = await asyncio.gather(
        walk(network, routed.url, routed.proxy, deadline), walk(network, routed.url, None, deadline)
    )
    return Seen(routed, path, direct)
