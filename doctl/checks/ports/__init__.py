"""Whether peers can reach this machine and it them on port 7680, and whether it reaches what serves content."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from doctl.checks.ports import inbound, peers, services, teredo
from doctl.checks.ports.local import firewall_finding, listener_finding
from doctl.checks.ports.reflection import reflected
from doctl.endpoints import PEER_PORT, Address
from doctl.errors import LocalError
from doctl.report import Finding, Found
from doctl.settings import Settings, defaults

if TYPE_CHECKING:
    from doctl.net.base import Network
    from doctl.net.firewall import Ruling
    from doctl.net.listeners import Listening

    Listeners = list[Listening] | LocalError


@dataclass(frozen=True, slots=True)
class Options:
    """What to check: peers to connect to, a reflector's URL, and hosts to try instead of the documented ones.

    ``timeout`` is in seconds, for each of them from the look-up of its name to the last byte. The download mode of
    ``settings`` says whether Teredo is of any use.
    """

    targets: tuple[Address, ...] = ()
    reflector: str | None = None
    hosts: tuple[str, ...] = ()
    timeout: float = 5.0
    settings: Settings = field(default_factory=defaults)


async def run(network: "Network", options: Options, found: Found) -> None:
    """Look at everything at once."""
    timeout = options.timeout
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(_listening(network, timeout))
        rules = group.create_task(network.firewall(inbound.FLOW, timeout))
        looks: list[Awaitable[Finding]] = [_listener(network, listening), _firewall(network, rules)]
        looks += [_inbound(network, options, listening, rules), teredo.look(network, options.settings, timeout)]
        looks += [peers.outbound(network, target, timeout) for target in dict.fromkeys(options.targets)]
        looks += [services.check(network, service, timeout) for service in services.wanted(options.hosts)]
        for look in looks:
            group.create_task(_report(look, found))


async def _report(look: Awaitable[Finding], found: Found) -> None:
    found(await look)


async def _listening(network: "Network", timeout: float) -> "Listeners":
    try:
        return await network.listeners(PEER_PORT, timeout)
    except LocalError as error:
        return error


async def _listener(network: "Network", listening: "Awaitable[Listeners]") -> Finding:
    return listener_finding(await listening, network.platform)


async def _firewall(network: "Network", rules: "Awaitable[Sequence[Ruling]]") -> Finding:
    return firewall_finding(await rules, network.platform)


async def _inbound(
    network: "Network", options: Options, listening: "Awaitable[Listeners]", rules: "Awaitable[Sequence[Ruling]]"
) -> Finding:
    """Ask the reflector, once it is known whether somebody listens here."""
    if options.reflector is None:
        return inbound.not_asked()
    start = network.now()
    known = await listening
    served = isinstance(known, LocalError) or bool(known)
    left = options.timeout - (network.now() - start)
    seen = await reflected(network, options.reflector, left, served=served)
    return inbound.finding(seen, await rules, network.platform, network.now() - start)
