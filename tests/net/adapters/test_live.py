"""This machine's own adapters are listed with their addresses and routes."""

import asyncio
import sys
from dataclasses import dataclass
from ipaddress import ip_interface

import pytest

from doctl.net.adapters import Adapter, Details, Kind
from doctl.net.adapters.live import interface, join, read
from tests import namespaces, need

SEE = "import asyncio; from doctl.net.adapters.live import read; print('\\n'.join(map(repr, asyncio.run(read(5)))))"


@dataclass
class Entry:
    address: str
    netmask: str | None


@pytest.mark.parametrize(
    ("address", "netmask", "wanted"),
    [
        ("10.0.0.5", "255.255.255.0", "10.0.0.5/24"),
        ("10.0.0.6", None, "10.0.0.6/32"),
        ("fe80::1%eth0", "ffff:ffff:ffff:ffff::", "fe80::1%eth0/64"),
        ("fd00::1", None, "fd00::1/48"),
        ("fd00::2", None, "fd00::2/128"),
    ],
)
def test_an_address_has_its_prefix(address: str, netmask: str | None, wanted: str) -> None:
    """The prefix comes from the netmask, else from the list of prefixes, else it is the whole address."""
    assert interface(Entry(address, netmask), {"fd00::1": 48}) == ip_interface(wanted)


def test_sources_are_joined() -> None:
    """Names are cleaned, details are taken over, and a route by GUID finds its adapter, its gateways with it."""
    details = Details(Kind.ETHERNET, 6, "Realtek", route_name="{GUID}")
    addresses = [ip_interface("10.0.0.5/24")]
    routes = {"{GUID}": ["10.0.0.1", "fe80::1%12", "link#4"]}
    adapter = join("Ether\x1bnet", addresses, True, details, routes)
    assert adapter == Adapter(
        name="Ether\\x1bnet",
        friendly_name="Ether\\x1bnet",
        description="Realtek",
        kind=Kind.ETHERNET,
        if_type=6,
        addresses=tuple(addresses),
        default_route=True,
        gateways=("10.0.0.1", "fe80::1"),
    )
    assert not join("other", [], False, Details(), routes).default_route


def test_loopback_is_always_there() -> None:
    """The live list has a loopback adapter with its address."""
    loopback = [adapter for adapter in asyncio.run(read(10)) if adapter.kind is Kind.LOOPBACK]
    assert any(address.ip.is_loopback for adapter in loopback for address in adapter.addresses)


@pytest.mark.skipif(sys.platform != "linux", reason="makes Linux devices")
def test_devices_of_a_real_kernel_are_told_apart() -> None:
    """Tunnels, taps, cables, bridges and default routes that a real kernel makes are seen as what they are."""
    need.program("ip")
    with namespaces.lan("only") as (host,):
        for command in (
            "tuntap add tun7 mode tun",
            "tuntap add tap7 mode tap",
            "link add cable type veth peer name cable2",
            "link add br7 type bridge",
            "addr add 10.8.0.6/24 dev tun7",
            "link set tun7 up",
            "route add default dev tun7",
            "route add 10.200.0.0/16 via 10.99.0.77",
        ):
            host.run("ip", *command.split())
        seen = host.run(sys.executable, "-c", SEE).stdout
    lines = {line.split("'")[1]: line for line in seen.splitlines()}
    assert "Kind.TUNNEL" in lines["tun7"]
    assert "driver='tun'" in lines["tun7"]
    assert "default_route=True" in lines["tun7"]
    assert "IPv4Interface('10.8.0.6/24')" in lines["tun7"]
    assert "Kind.VIRTUAL" in lines["tap7"]
    assert "driver='tap'" in lines["tap7"]
    assert "driver='veth'" in lines["cable"]
    assert "driver='bridge'" in lines["br7"]
    assert "default_route=False" in lines["eth0"]
    assert "Kind.LOOPBACK" in lines["lo"]
