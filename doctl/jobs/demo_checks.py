"""The checks of the demonstration: those of which something can be seen on loopback alone."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from doctl.checks import proxy
from doctl.checks.ports import inbound, peers
from doctl.checks.ports.reflection import reflected
from doctl.endpoints import Address
from doctl.jobs.checking import Check, run_checks
from doctl.net.proxies.route import Choice
from doctl.report import Found, Host, Report

if TYPE_CHECKING:
    from doctl.net.base import Network

TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What there is to look at: the origin's URL, the peers, and the coordinator's URL, empty where there is none."""

    url: str
    peers: tuple[Address, ...]
    coordinator: str = ""


async def checked(network: "Network", stage: Stage, host: Host) -> Report:
    """Check the peers' ports, the way back through the coordinator, and byte ranges of the origin, all at once."""
    ranges = proxy.Options(urls=(stage.url,), choice=Choice(direct=True), timeout=TIMEOUT)
    checks: list[Check[Any]] = [Check("ports", _ports, stage), Check("proxy", proxy.run, ranges)]
    outcome = await run_checks(network, "demo", checks, host, lambda _finding: None)
    if outcome.interrupted:
        raise asyncio.CancelledError
    return outcome.report


async def _ports(network: "Network", stage: Stage, found: Found) -> None:
    """Do of ``doctl ports`` what stays on this machine: neither its names nor its listener on every address."""
    async with asyncio.TaskGroup() as group:
        for peer in stage.peers:
            group.create_task(_outbound(network, peer, found))
        group.create_task(_inbound(network, stage.coordinator, found))


async def _outbound(network: "Network", peer: Address, found: Found) -> None:
    found(await peers.outbound(network, peer, TIMEOUT))


async def _inbound(network: "Network", coordinator: str, found: Found) -> None:
    if not coordinator:
        found(inbound.not_asked())
        return
    start = network.now()
    seen = await reflected(network, coordinator, TIMEOUT, served=True)
    found(inbound.finding(seen, (), network.platform, network.now() - start))
