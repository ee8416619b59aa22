"""Whether the servers of content (80) and of the coordination service (443) can be reached."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from doctl.checks.ports import families, remedies
from doctl.checks.ports.local import PAGE
from doctl.endpoints import HOSTS, HTTP_PORT, SERVICE_PORT, Address, Endpoint
from doctl.net.probe import Reach, reach
from doctl.printable import printable
from doctl.report import Finding, Status

if TYPE_CHECKING:
    from doctl.net.base import Network

IDS: Final = {HTTP_PORT: "ports.80.http", SERVICE_PORT: "ports.443.service"}
AREAS: Final = {HTTP_PORT: "content", SERVICE_PORT: "service"}


@dataclass(frozen=True, slots=True)
class Service:
    """A host and the port that decides; ``also`` is one that is tried besides and decides nothing."""

    host: str
    port: int
    also: int | None = None


def wanted(named: Sequence[str]) -> list[Service]:
    """Return what to try: the documented hosts, or of each host in ``named`` the ports that are documented for it."""
    if named:
        return list(dict.fromkeys(service for host in named for service in _of_host(host)))
    return [service for row in HOSTS for host in _probed(row) for service in _of_row(host, row)]


def _probed(row: Endpoint) -> tuple[str, ...]:
    """Return the names of a row that stand for a set which every machine needs."""
    if row.retired or row.optional or not {"service", "metadata"} & set(row.sets):
        return ()
    return row.names if row.wildcard else (row.pattern,)


def _of_host(host: str) -> list[Service]:
    rows = [row for row in HOSTS if host in (row.pattern, *row.names)]
    if rows:
        return _of_row(host, rows[0])
    return [Service(host, HTTP_PORT), Service(host, SERVICE_PORT)]


def _of_row(host: str, row: Endpoint) -> list[Service]:
    """Older documents put the coordination service on port 80 as well: it is tried, and 443 decides."""
    if row.scheme == "https":
        return [Service(host, SERVICE_PORT, also=HTTP_PORT)]
    return [Service(host, HTTP_PORT)]


async def check(network: "Network", service: Service, timeout: float) -> Finding:
    """Connect to the ports of ``service`` at once."""
    start = network.now()
    ports = [service.port] if service.also is None else [service.port, service.also]
    reached, *others = await asyncio.gather(*(reach(network, Address(service.host, port), timeout) for port in ports))
    return finding(reached, others, network.now() - start, network.platform)


def finding(reached: Reach, others: Sequence[Reach], duration_s: float, platform: str) -> Finding:
    """Judge one port of a host; what came of ``others`` is told and does not count."""
    port = reached.target.port
    status, reason = families.decided(families.by_family(reached.attempts).values())
    outcome = families.told(families.by_family(reached.attempts)) or reached.problem
    besides = {f"port_{other.target.port}": families.by_family(other.attempts) for other in others}
    return Finding(
        id=IDS[port],
        area=AREAS[port],
        target=printable(str(reached.target), 300),
        status=status,
        reason=reason,
        summary=printable(outcome, 300),
        facts={**families.facts(reached), **besides},
        remedy="" if status is Status.PASS else remedies.of_target(REMEDIES[reason], reached.target, platform),
        reference=PAGE,
        duration_s=round(duration_s, 3),
    )


REMEDIES: Final = {
    "refused": "Something in between refuses: allow TCP {port} to {host} there; test: doctl hosts --host {target}",
    "filtered": "Allow TCP {port} out to {host} on the firewall; behind a proxy see doctl proxy instead",
    "unreachable": "Look at this machine's default route, and for what rejects on the way: {trace}",
    "dns_failed": "Let this machine's name servers resolve it; test: {look_up}",
}
