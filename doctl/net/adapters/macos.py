"""What macOS knows of its adapters, from ifconfig, networksetup and scutil."""

import re
from collections.abc import Iterator

from doctl.errors import LocalError
from doctl.net import programs
from doctl.net.adapters import Details, Kind
from doctl.printable import printable

VPN_SERVICE = "vpn service"
"""The ``driver`` of an adapter that macOS itself lists with a VPN server."""

_HEAD = re.compile(r"^(\S+): flags=[0-9a-f]+<([A-Z0-9_,]*)>")
_PORT = re.compile(r"^Hardware Port: (.+)\nDevice: (\S+)", re.MULTILINE)
_REACHABLE = re.compile(r"^\s*(\S+) : flags\s*:")
_SERVER = re.compile(r"^\s*VPN server\s*: ")
_KINDS = (
    (re.compile(r"utun|tun|ipsec|gif|stf"), Kind.TUNNEL),
    (re.compile(r"ppp"), Kind.PPP),
    (re.compile(r"lo"), Kind.LOOPBACK),
    (re.compile(r"pdp_ip"), Kind.CELLULAR),
    (re.compile(r"en"), Kind.ETHERNET),
    (re.compile(r"bridge|vmnet|vmenet|feth|tap|awdl|llw|anpi|ap|p2p|vlan|bond"), Kind.VIRTUAL),
)


async def details(timeout: float) -> dict[str, Details]:
    """Return what the system knows of each adapter, by its name; a tool that fails is done without."""
    said = [
        await _output(argv, timeout)
        for argv in (["ifconfig"], ["networksetup", "-listallhardwareports"], ["scutil", "--nwi"])
    ]
    return describe(*said)


async def _output(argv: list[str], timeout: float) -> str:
    try:
        return (await programs.ask(argv, timeout)).output
    except LocalError:
        return ""


def describe(ifconfig: str, hardware_ports: str, network_information: str) -> dict[str, Details]:
    """Join the outputs of ``ifconfig``, ``networksetup -listallhardwareports`` and ``scutil --nwi``."""
    ports = {device: printable(port, 100) for port, device in _PORT.findall(hardware_ports)}
    services = set(_vpn_services(network_information))
    return {
        name: Details(
            kind=_kind(name, flags, ports.get(name, "")),
            description=ports.get(name, ""),
            driver=VPN_SERVICE if name in services else "",
            route_name=name,
        )
        for name, flags in _heads(ifconfig)
    }


def _heads(ifconfig: str) -> Iterator[tuple[str, set[str]]]:
    for line in ifconfig.splitlines():
        if match := _HEAD.match(line):
            yield match[1], set(match[2].split(","))


def _vpn_services(network_information: str) -> Iterator[str]:
    """Name the adapters under which ``scutil --nwi`` lists a VPN server."""
    name = ""
    for line in network_information.splitlines():
        if match := _REACHABLE.match(line):
            name = match[1]
        elif _SERVER.match(line) and name:
            yield name


def _kind(name: str, flags: set[str], port: str) -> Kind:
    if "LOOPBACK" in flags:
        return Kind.LOOPBACK
    if "Wi-Fi" in port or "AirPort" in port:
        return Kind.WIFI
    by_name = next((kind for pattern, kind in _KINDS if pattern.match(name)), Kind.UNKNOWN)
    return Kind.TUNNEL if by_name is Kind.UNKNOWN and "POINTOPOINT" in flags else by_name
