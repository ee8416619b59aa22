"""Asks which way packets to the hosts leave that should go past a VPN: their addresses, and the route to each."""

import asyncio
import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from doctl.checks.vpn import split
from doctl.checks.vpn.split import Named, Way
from doctl.checks.vpn.verdict import Judged, both
from doctl.endpoints import SPLIT_TUNNEL, Endpoint, hosts_of
from doctl.errors import LocalError, NetworkError
from doctl.net.adapters import Adapter, Kind
from doctl.report import Found

if TYPE_CHECKING:
    from doctl.net.base import Network
    from doctl.net.routes import Route

MOST_ADDRESSES: Final = 16
"""Addresses of one name whose routes are asked for."""


async def report(
    network: "Network", adapters: Sequence[Adapter], keywords: Sequence[str], deadline: float, found: Found
) -> None:
    """Report each host of the set, all at once, until ``deadline`` on the network's clock.

    ``keywords`` are those of Windows' rule. Without a VPN among ``adapters`` that is up, no name is looked up: nothing
    can go through one.
    """
    judged = [both(adapter, keywords) for adapter in adapters]
    if not any(one.adapter.up and one.verdict.is_vpn for one in judged):
        found(split.NO_VPN)
        return
    async with asyncio.TaskGroup() as group:
        for host in hosts_of(SPLIT_TUNNEL):
            group.create_task(_one(network, host, judged, deadline, found))


async def _one(network: "Network", host: Endpoint, adapters: Sequence[Judged], deadline: float, found: Found) -> None:
    start = network.now()
    names = await asyncio.gather(
        *(_named(network, name, sample, adapters, deadline) for name, sample in _known(host) if not host.retired)
    )
    finding = split.finding(host, names, adapters, network.platform)
    found(replace(finding, duration_s=round(network.now() - start, 3)))


def _known(host: Endpoint) -> Iterator[tuple[str, bool]]:
    """Yield the names of a host that can be looked up, and whether each is one that comes and goes."""
    for name in host.names if host.wildcard else (host.pattern,):
        yield name, False
    for name in host.samples:
        yield name, True


async def _named(network: "Network", name: str, sample: bool, adapters: Sequence[Judged], deadline: float) -> Named:
    try:
        addresses = await network.resolve(name, max(deadline - network.now(), 0.01))
    except NetworkError as error:
        return Named(name, sample, problem=str(error).removeprefix(f"{name}: "))
    ways = [await _way(network, name, address, adapters, deadline) for address in addresses[:MOST_ADDRESSES]]
    return Named(name, sample, tuple(ways))


async def _way(network: "Network", name: str, address: str, adapters: Sequence[Judged], deadline: float) -> Way:
    here = ipaddress.ip_address(address)
    if here.is_loopback or here.is_unspecified:
        return Way(name, address, this_machine=True)
    try:
        route = await network.route(address, max(deadline - network.now(), 0.01))
    except (NetworkError, LocalError) as error:
        return Way(name, address, error=error)
    taken = next((one for one in adapters if _leaves_by(route, one)), None)
    if taken is None:
        unknown = LocalError(f"{address}: the route is by {route.adapter or route.source}, which no adapter is called")
        return Way(name, address, source=route.source, error=unknown)
    return Way(name, address, taken, route.source, this_machine=taken.adapter.kind is Kind.LOOPBACK)


def _leaves_by(route: "Route", one: Judged) -> bool:
    """Whether the route is by that adapter: by its name, or by its address where the system told that alone."""
    if route.adapter:
        return one.adapter.name == route.adapter
    return any(str(address.ip).partition("%")[0] == route.source for address in one.adapter.addresses)
