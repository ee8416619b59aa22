"""Whether the documented hosts can be reached, and whether an allowlist covers them."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from doctl.checks.hosts.coverage import coverage
from doctl.checks.hosts.reach import Place, look
from doctl.checks.hosts.verdict import AREA, finding
from doctl.endpoints import HOSTS, Endpoint
from doctl.report import Finding, Found, Status
from doctl.wire.allowlist import Allowlist

if TYPE_CHECKING:
    import httpx

    from doctl.net.base import Network

CONNECTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Options:
    """What to check: documented ``hosts``, further ``places`` that the user names, and an allowlist.

    With ``offline`` the network is not touched, and only the allowlist is judged.
    """

    hosts: tuple[Endpoint, ...] = HOSTS
    places: tuple[Place, ...] = ()
    allowlist: Allowlist | None = None
    offline: bool = False
    timeout: float = 5.0


async def run(network: "Network", options: Options, found: Found) -> None:
    """Judge the allowlist, then look at all hosts at once, each within ``options.timeout`` seconds."""
    if options.allowlist:
        for covered in coverage(options.hosts, options.allowlist):
            found(covered)
    if options.offline:
        return
    for untested in _untested(options.hosts):
        found(untested)
    async with (
        network.http(direct=True, timeout=options.timeout, connections=CONNECTIONS) as client,
        asyncio.TaskGroup() as group,
    ):
        for place in places(options.hosts, options.places):
            group.create_task(_one(network, client, place, options.timeout, found))


async def _one(network: "Network", client: "httpx.AsyncClient", place: Place, timeout: float, found: Found) -> None:
    found(finding(await look(network, client, place, timeout), network.platform))


def places(hosts: Sequence[Endpoint], named: Sequence[Place] = ()) -> list[Place]:
    """Return the concrete hosts to look at, each once: those that the user names, then the documented ones."""
    result = {place.name: place for place in named}
    for host in hosts:
        if host.retired:
            continue
        for name in host.names if host.wildcard else (host.pattern,):
            result.setdefault(name, Place(name, host.scheme, host.port, host))
        for name in host.samples:
            result.setdefault(name, Place(name, host.scheme, host.port, host, sample=True))
    return list(result.values())


def _untested(hosts: Sequence[Endpoint]) -> Iterator[Finding]:
    """Report what is not looked at: retired hosts, and wildcards, which stand for names that nobody can list."""
    for host in hosts:
        base = Finding(
            id="hosts.reach",
            area=AREA,
            target=host.pattern,
            status=Status.SKIP,
            reason="retired",
            summary="Nothing needs it any more, so it was not looked at.",
            facts={"scheme": host.scheme, "port": host.port, "sets": list(host.sets), "purpose": host.purpose},
            reference=host.source,
        )
        if host.retired:
            yield base
        elif host.wildcard:
            probed = len(host.names) + len(host.samples)
            summary = f"A wildcard cannot be probed; {probed} known names under it are."
            yield replace(base, reason="not_testable", summary=summary)
