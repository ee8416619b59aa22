"""Says of each host that should go past a VPN whether the routes to it do; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from doctl.checks.vpn.verdict import Judged
from doctl.endpoints import Endpoint
from doctl.errors import DoctlError, NetworkError
from doctl.net.commands import add_route, look_up, show_route
from doctl.printable import printable
from doctl.report import Finding, Status

AREA: Final = "vpn"
ID: Final = "vpn.route"
MOST_COMMANDS: Final = 4
"""Commands that one remedy has."""
NO_VPN: Final = Finding(
    id=ID,
    area=AREA,
    target="hosts that should go direct",
    status=Status.SKIP,
    reason="no_vpn",
    summary="No VPN is up, so that nothing goes through one; no name was looked up.",
    reference="https://learn.microsoft.com/windows/deployment/do/waas-delivery-optimization-faq",
)


@dataclass(frozen=True, slots=True)
class Way:
    """How packets to one address of ``name`` leave: by an adapter or to this machine; else ``error`` says why not."""

    name: str
    address: str
    by: Judged | None = None
    source: str = ""
    this_machine: bool = False
    error: DoctlError | None = None

    @property
    def through(self) -> bool:
        """Whether it is through a VPN."""
        return self.by is not None and self.by.verdict.is_vpn


@dataclass(frozen=True, slots=True)
class Named:
    """A name of a host and the ways to its addresses; without any, ``problem`` says why.

    A ``sample`` was seen in the field and may be gone.
    """

    name: str
    sample: bool = False
    ways: tuple[Way, ...] = ()
    problem: str = ""


class _Verdict(NamedTuple):
    status: Status
    reason: str
    summary: str
    remedy: str = ""


def finding(host: Endpoint, names: Sequence[Named], adapters: Sequence[Judged], platform: str) -> Finding:
    """Judge the ways to all names of ``host``; ``adapters`` have the gateways past the VPN, if there are any."""
    verdict = _verdict(host, names, adapters, platform)
    return Finding(
        id=ID,
        area=AREA,
        target=host.pattern,
        status=verdict.status,
        reason=verdict.reason,
        summary=printable(verdict.summary, 300),
        facts=_facts(host, names),
        remedy=verdict.remedy,
        reference=host.source,
    )


def _verdict(host: Endpoint, names: Sequence[Named], adapters: Sequence[Judged], platform: str) -> _Verdict:
    """Say the worst there is: one address that goes through the tunnel decides, and so does one needed name without."""
    if host.retired:
        return _Verdict(Status.SKIP, "retired", "Nothing needs it any more, so its route was not asked for.")
    ways = [way for one in names for way in one.ways]
    inside = [way for way in ways if way.through]
    if inside:
        return _Verdict(Status.WARN, "through_tunnel", _inside(inside, ways), _past(host, inside, adapters, platform))
    if lost := next((one for one in names if not one.ways and not one.sample), None):
        remedy = f"Let this machine's name servers resolve it; test: {look_up(lost.name, platform)}"
        return _Verdict(Status.UNKNOWN, "dns_failed", f"Its route is not known: {lost.name}: {lost.problem}.", remedy)
    return _outside(ways, platform)


def _outside(ways: Sequence[Way], platform: str) -> _Verdict:
    """Judge ways of which none is known to be through the tunnel."""
    if not ways:
        summary = "The names seen in use have no address now; such names come and go."
        return _Verdict(Status.SKIP, "not_testable", summary)
    if here := next((way for way in ways if way.this_machine), None):
        summary = f"Leads to this machine itself ({here.address}): a filter or a proxy here, whose own way is not seen."
        remedy = f"Find what gives it that address, a hosts file or a filter; test: {look_up(here.name, platform)}"
        return _Verdict(Status.UNKNOWN, "this_machine", summary, remedy)
    if untold := next((way for way in ways if way.error and not isinstance(way.error, NetworkError)), None):
        remedy = f"Look at the route by hand: {show_route(untold.address, platform)}"
        return _Verdict(Status.UNKNOWN, "not_told", f"The system does not tell the route: {untold.error}.", remedy)
    direct = list(dict.fromkeys(_shown(way.by) for way in ways if way.by))
    if not direct:
        remedy = f"Look at this machine's routes; test: {show_route(ways[0].address, platform)}"
        return _Verdict(Status.UNKNOWN, "no_route", f"There is no route: {ways[0].error}.", remedy)
    return _Verdict(Status.PASS, "direct", f"By {', '.join(direct)}, past the VPN.")


def _inside(inside: Sequence[Way], ways: Sequence[Way]) -> str:
    tunnels = {_shown(way.by): way.by.verdict.evidence[0] for way in inside if way.by}
    told = "; ".join(f"{name}, {evidence}" for name, evidence in tunnels.items())
    count = "It goes" if len(inside) == len(ways) else f"{len(inside)} of its {len(ways)} addresses go"
    return f"{count} through the VPN {told}."


def _past(host: Endpoint, inside: Sequence[Way], adapters: Sequence[Judged], platform: str) -> str:
    """Return how to have it go direct: by name in the VPN, since addresses change, and by a route to those of today."""
    tunnels = ", ".join(dict.fromkeys(_shown(way.by) for way in inside))
    setting = f"Exclude {host.pattern} ({host.scheme}, port {host.port}) in the settings of the VPN {tunnels}"
    addresses = list(dict.fromkeys(way.address for way in inside))
    commands = list(_commands(addresses[:MOST_COMMANDS], adapters, platform))
    if not commands:
        return f"{setting}; no other adapter here has a gateway that a route could lead to"
    more = len(addresses) - len(commands)
    rest = f"; and so on for {more} more" if more > 0 else ""
    return f"{setting}; or, for its addresses of today: {'; '.join(commands)}{rest}"


def _commands(addresses: Sequence[str], adapters: Sequence[Judged], platform: str) -> Iterator[str]:
    for address in addresses:
        for one, gateway in _gateways(adapters, ipv6=":" in address):
            if command := add_route(address, gateway, one.adapter.name, platform):
                yield command
                break


def _gateways(adapters: Sequence[Judged], *, ipv6: bool) -> Iterator[tuple[Judged, str]]:
    """Yield the gateways of one family past the VPN, with their adapters."""
    for one in adapters:
        for gateway in one.adapter.gateways if one.adapter.up and not one.verdict.is_vpn else ():
            if (":" in gateway) == ipv6:
                yield one, gateway


def _shown(by: Judged | None) -> str:
    return printable(by.adapter.name, 60) if by else ""


def _facts(host: Endpoint, names: Sequence[Named]) -> dict[str, object]:
    ways = [way for one in names for way in one.ways]
    told = any(way.by for way in ways)
    return {
        "through_tunnel": any(way.through for way in ways) if told else None,
        "adapters": list(dict.fromkeys(_shown(way.by) for way in ways if way.by)),
        "routes": [_of_way(way) for way in ways],
        "unresolved": [{"name": one.name, "problem": printable(one.problem, 200)} for one in names if not one.ways],
        "scheme": host.scheme,
        "port": host.port,
        "purpose": host.purpose,
        "optional": host.optional,
    }


def _of_way(way: Way) -> dict[str, object]:
    return {
        "name": way.name,
        "address": way.address,
        "adapter": _shown(way.by) or None,
        "source": way.source or None,
        "is_vpn": way.by.verdict.is_vpn if way.by else None,
        "do_is_vpn": way.by.keyword is not None if way.by else None,
        "problem": printable(str(way.error), 200) if way.error else None,
    }
