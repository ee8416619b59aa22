"""Of each host that should go past a VPN it is said whether the routes to it do, and never guessed."""

import asyncio
from dataclasses import replace

import pytest

from doctl.checks import vpn
from doctl.checks.vpn import split
from doctl.checks.vpn.split import Named, Way
from doctl.checks.vpn.verdict import both
from doctl.endpoints import SPLIT_TUNNEL, hosts_of
from doctl.errors import LocalError, NameLookupError, UnreachableError
from doctl.net.adapters import Adapter, Kind
from doctl.net.adapters.inventory import read_inventory
from doctl.net.fake import FakeNetwork
from doctl.net.routes import Route
from doctl.report import Finding, Status

HOSTS = {host.pattern: host for host in hosts_of(SPLIT_TUNNEL)}
SERVICE, FILES, SAMPLES = "*.prod.do.dsp.mp.microsoft.com", "dl.delivery.mp.microsoft.com", "*.update.microsoft.com"
LAN = Adapter("eth0", kind=Kind.ETHERNET, if_type=6, default_route=True, gateways=("192.0.2.1", "fe80::1"))
TUNNEL = Adapter("wg0", kind=Kind.WIREGUARD, default_route=True, gateways=("10.8.0.1",))
LOOPBACK = Adapter("lo", kind=Kind.LOOPBACK)
BY_LAN, BY_TUNNEL, BY_LOOPBACK = (both(adapter, ()) for adapter in (LAN, TUNNEL, LOOPBACK))
ADAPTERS = (BY_TUNNEL, BY_LAN, BY_LOOPBACK)

DIRECT = Way("a", "203.0.113.7", BY_LAN)
INSIDE = Way("a", "203.0.113.8", BY_TUNNEL)
NO_WAY = Way("a", "2001:db8::7", error=UnreachableError("2001:db8::7: no route"))
UNTOLD = Way("a", "203.0.113.9", error=LocalError("203.0.113.9: not told"))
HERE = Way("a", "127.0.0.1", this_machine=True)
LOST, GONE = Named("a", problem="the name has no address"), Named("b", sample=True, problem="the name has no address")


def named(*ways: Way) -> Named:
    """Return a name with these ways to it."""
    return Named("a", ways=ways)


VERDICTS: list[tuple[str, tuple[Named, ...], Status, str]] = [
    ("direct", (named(DIRECT),), Status.PASS, "direct"),
    ("direct, and a sample is gone", (named(DIRECT), GONE), Status.PASS, "direct"),
    ("direct, and no way by IPv6", (named(DIRECT, NO_WAY),), Status.PASS, "direct"),
    ("inside", (named(INSIDE),), Status.WARN, "through_tunnel"),
    ("one of two inside", (named(DIRECT, INSIDE),), Status.WARN, "through_tunnel"),
    ("inside, and a name is lost", (named(INSIDE), LOST), Status.WARN, "through_tunnel"),
    ("a name is lost", (named(DIRECT), LOST), Status.UNKNOWN, "dns_failed"),
    ("all names are lost", (LOST, GONE), Status.UNKNOWN, "dns_failed"),
    ("samples alone, and gone", (GONE,), Status.SKIP, "not_testable"),
    ("no way at all", (named(NO_WAY),), Status.UNKNOWN, "no_route"),
    ("not told", (named(UNTOLD),), Status.UNKNOWN, "not_told"),
    ("one of two not told", (named(DIRECT, UNTOLD),), Status.UNKNOWN, "not_told"),
    ("this machine", (named(HERE),), Status.UNKNOWN, "this_machine"),
    ("this machine among others", (named(DIRECT, HERE),), Status.UNKNOWN, "this_machine"),
]


@pytest.mark.parametrize(("names", "status", "reason"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS])
def test_the_worst_way_decides(names: tuple[Named, ...], status: Status, reason: str) -> None:
    """One address inside is a warning, what is not known of a needed name is unknown, and the rest goes direct."""
    finding = split.finding(HOSTS[SERVICE], names, ADAPTERS, "linux")
    assert (finding.status, finding.reason, finding.target) == (status, reason, SERVICE)
    assert finding.id == "vpn.route"
    assert bool(finding.remedy) == (status in {Status.WARN, Status.UNKNOWN})


REMEDIES = [
    ("linux", "sudo ip route add 203.0.113.8/32 via 192.0.2.1 dev eth0"),
    ("darwin", "sudo route -n add -inet -host 203.0.113.8 192.0.2.1"),
    ("win32", 'New-NetRoute -DestinationPrefix 203.0.113.8/32 -InterfaceAlias "eth0" -NextHop 192.0.2.1'),
]


@pytest.mark.parametrize(("platform", "command"), REMEDIES)
def test_the_remedy_excludes_it_by_name_and_by_route(platform: str, command: str) -> None:
    """It names the host for the VPN's settings, and the command of this system, once for each address."""
    names = (named(INSIDE, DIRECT), named(INSIDE))
    remedy = split.finding(HOSTS[SERVICE], names, ADAPTERS, platform).remedy
    assert remedy.startswith(f"Exclude {SERVICE} (https, port 443) in the settings of the VPN wg0; or, ")
    assert remedy.endswith(f": {command}")


def test_a_remedy_has_few_commands_and_none_without_a_gateway() -> None:
    """Many addresses are told by their number; without a gateway past the VPN there is no command."""
    many = named(*(replace(INSIDE, address=f"203.0.113.{n}") for n in range(20, 40)))
    remedy = split.finding(HOSTS[SERVICE], (many,), ADAPTERS, "linux").remedy
    assert remedy.count("ip route add") == 4
    assert remedy.endswith("; and so on for 16 more")
    down = both(replace(LAN, up=False), ())
    assert "ip route" not in split.finding(HOSTS[SERVICE], (many,), (BY_TUNNEL, down), "linux").remedy


def test_facts_say_all_there_is() -> None:
    """Every address has its adapter and whether that is a VPN, every name without an address its problem."""
    facts = split.finding(HOSTS[SERVICE], (named(DIRECT, INSIDE, NO_WAY), GONE), ADAPTERS, "linux").facts
    assert (facts["through_tunnel"], facts["adapters"]) == (True, ["eth0", "wg0"])
    routes = facts["routes"]
    assert isinstance(routes, list)
    assert [(one["address"], one["adapter"], one["is_vpn"]) for one in routes] == [
        ("203.0.113.7", "eth0", False),
        ("203.0.113.8", "wg0", True),
        ("2001:db8::7", None, None),
    ]
    assert facts["unresolved"] == [{"name": "b", "problem": "the name has no address"}]


def checked(network: FakeNetwork) -> dict[str, Finding]:
    """Run the routes alone and return the findings by their target."""
    found: list[Finding] = []
    asyncio.run(vpn.run_routes(network, vpn.Options(), found.append))
    assert {one.id for one in found} == {"vpn.route"}
    return {one.target: one for one in found}


def test_names_are_looked_up_and_routes_asked_for() -> None:
    """Each host of the set is reported: by the adapter's name, or by our address where the system tells that alone."""
    here = read_inventory(b'{"adapters": [{"name": "eth1", "addresses": ["192.0.2.9/24"]}]}', "x")[0]
    network = FakeNetwork(
        interfaces=(TUNNEL, LAN, LOOPBACK, here),
        names={
            "geo.prod.do.dsp.mp.microsoft.com": ["203.0.113.7", "203.0.113.8"],
            "geover.prod.do.dsp.mp.microsoft.com": ["203.0.113.7"],
            FILES: ["203.0.113.10"],
            "fe2cr.update.microsoft.com": ["127.0.0.1"],
            "ctldl.windowsupdate.com": ["203.0.113.11"],
            "fe3cr.delivery.mp.microsoft.com": ["203.0.113.12"],
            "tsfe.trafficshaping.dsp.mp.microsoft.com": NameLookupError("tsfe: no name server"),
        },
        routes={
            "203.0.113.7": Route("eth0"),
            "203.0.113.8": Route("wg0", "10.8.0.2"),
            "203.0.113.10": Route(source="192.0.2.9"),
            "203.0.113.11": Route("eth7"),
            "203.0.113.12": Route("lo"),
        },
    )
    found = checked(network)
    assert {target: one.reason for target, one in found.items()} == {
        SERVICE: "through_tunnel",
        FILES: "direct",
        SAMPLES: "this_machine",
        "*.windowsupdate.com": "not_told",
        "*.delivery.mp.microsoft.com": "this_machine",
        "*.dl.delivery.mp.microsoft.com": "not_testable",
        "tsfe.trafficshaping.dsp.mp.microsoft.com": "dns_failed",
        "emdl.ws.microsoft.com": "retired",
    }
    assert found.keys() == HOSTS.keys()
    assert found[FILES].facts["adapters"] == ["eth1"]
    assert "resolve emdl.ws.microsoft.com" not in network.asked


@pytest.mark.parametrize("adapters", [(LAN,), (LAN, replace(TUNNEL, up=False)), ()])
def test_without_a_vpn_nothing_is_asked(adapters: tuple[Adapter, ...]) -> None:
    """Where no VPN is up that alone is said, as skip, and no name is looked up."""
    network = FakeNetwork(interfaces=adapters)
    (only,) = checked(network).values()
    assert (only.status, only.reason) == (Status.SKIP, "no_vpn")
    assert network.asked == ["adapters"]


def test_offline_nothing_passes() -> None:
    """Without a name server no host passes: what is needed is unknown, what may be gone is skipped."""
    found = checked(FakeNetwork(interfaces=(TUNNEL, LAN)))
    assert {one.status for one in found.values()} == {Status.UNKNOWN, Status.SKIP}
    assert found[FILES].reason == "dns_failed"


def test_an_inventory_has_no_routes() -> None:
    """Of an inventory of some machine no route is reported, since this one's say nothing of it."""
    found: list[Finding] = []
    asyncio.run(vpn.run(FakeNetwork(), vpn.Options(inventory=(TUNNEL,)), found.append))
    assert "vpn.route" not in {one.id for one in found}
