"""Which hosts go through a VPN, told by a real kernel's routes into a real tunnel, and put right by the remedy."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from doctl.endpoints import SPLIT_TUNNEL, hosts_of
from tests import namespaces
from tests.integration.commands import DOCTL
from tests.namespaces import Host

SERVICE, FILES, TRAFFIC = "*.prod.do.dsp.mp.microsoft.com", "dl.delivery.mp.microsoft.com", "*.update.microsoft.com"
RECORDS = {
    "geo.prod.do.dsp.mp.microsoft.com": ["203.0.113.10", "2001:db8::10"],
    "geover.prod.do.dsp.mp.microsoft.com": ["203.0.113.11"],
    FILES: ["198.51.100.7"],
    "fe2cr.update.microsoft.com": ["127.0.0.1"],
    "ctldl.windowsupdate.com": ["192.0.2.9"],
}
NETWORK = """\
addr add 10.8.0.2/24 dev tun0
link set tun0 up
route add default via 10.99.0.2
-6 route add default via fd99::2
route add 0.0.0.0/1 dev tun0
route add 128.0.0.0/1 dev tun0
-6 route add default dev tun0 table 51820
-6 rule add not fwmark 51820 table 51820
-6 rule add table main suppress_prefixlength 0
route add 198.51.100.0/24 via 10.99.0.2
route add unreachable 192.0.2.0/24
"""
NOWHERE = """\
import asyncio
from doctl.errors import UnreachableError
from doctl.net.system import SystemNetwork
for address in ("192.0.2.1", "192.0.2.129", "192.0.2.200", "2001:db8:1::1", "2001:db8:2::1"):
    try:
        print(asyncio.run(SystemNetwork().route(address, 5)))
    except UnreachableError as error:
        print("nowhere")
"""


@pytest.fixture
def pc() -> Iterator[Host]:
    """Make a machine with a name server, whose VPN takes everything but one network.

    IPv4 by two halves of everything, as OpenVPN does it, IPv6 by a rule and a table, as wg-quick does.
    """
    with namespaces.lan("pc", "router") as (pc, _):
        pc.serve(sys.executable, "-m", "tests.servers.tunnel", "tun0")
        for command in NETWORK.splitlines():
            pc.run("ip", *command.split())
        pc.serve(sys.executable, "-m", "tests.servers.name_server", "127.0.0.1", json.dumps(RECORDS))
        yield pc


def routes(pc: Host, *arguments: str) -> dict[str, dict[str, Any]]:
    """Run doctl and return what it says of routes, by the host."""
    report = json.loads(pc.run(*DOCTL, *arguments, "--format", "json", check=False).stdout)
    return {one["target"]: one for one in report["findings"] if one["id"] == "vpn.route"}


def test_routes_into_a_real_tunnel_are_seen_and_put_right(pc: Host) -> None:
    """Both commands say of each host whether it goes through the tunnel; the remedy's commands lead it past."""
    found = routes(pc, "vpn")
    assert {target: (one["status"], one["reason"]) for target, one in found.items()} == {
        SERVICE: ("warn", "through_tunnel"),
        FILES: ("pass", "direct"),
        TRAFFIC: ("unknown", "this_machine"),
        "*.windowsupdate.com": ("unknown", "no_route"),
        "*.dl.delivery.mp.microsoft.com": ("skip", "not_testable"),
        "*.delivery.mp.microsoft.com": ("skip", "not_testable"),
        "emdl.ws.microsoft.com": ("skip", "retired"),
        "tsfe.trafficshaping.dsp.mp.microsoft.com": ("unknown", "dns_failed"),
    }
    assert found.keys() == {host.pattern for host in hosts_of(SPLIT_TUNNEL)}
    by = {one["address"]: (one["adapter"], one["source"]) for one in found[SERVICE]["facts"]["routes"]}
    assert by["203.0.113.10"] == ("tun0", "10.8.0.2")
    assert by["2001:db8::10"][0] == "tun0"
    assert found[FILES]["facts"]["adapters"] == ["eth0"]
    for command in found[SERVICE]["remedy"].partition("today: ")[2].split("; "):
        pc.run(*command.removeprefix("sudo ").split())
    again = routes(pc, "hosts", "--set", SPLIT_TUNNEL, "--timeout", "3")
    assert again.keys() == found.keys()
    assert (again[SERVICE]["status"], again[SERVICE]["reason"]) == ("pass", "direct")
    assert again[SERVICE]["facts"]["adapters"] == ["eth0"]


def test_routes_of_a_real_kernel_that_lead_nowhere(pc: Host) -> None:
    """Unreachable, prohibited and black holes are no way, in both families."""
    for command in (
        "route add prohibit 192.0.2.128/26",
        "route add blackhole 192.0.2.192/26",
        "-6 route add unreachable 2001:db8:1::/48",
        "-6 route add blackhole 2001:db8:2::/48",
    ):
        pc.run("ip", *command.split())
    assert pc.run(sys.executable, "-c", NOWHERE).stdout.split() == ["nowhere"] * 5
