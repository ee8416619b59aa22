"""The commands that remedies show."""

import pytest

from doctl.net.commands import add_route, show_route

IPV4, IPV6 = "203.0.113.7", "2001:db8::7"
ROUTES = [
    ((IPV4, "192.0.2.1", "eth0", "linux"), "sudo ip route add 203.0.113.7/32 via 192.0.2.1 dev eth0"),
    ((IPV6, "fe80::1", "eth0", "linux"), "sudo ip route add 2001:db8::7/128 via fe80::1 dev eth0"),
    ((IPV4, "192.0.2.1", "en0", "darwin"), "sudo route -n add -inet -host 203.0.113.7 192.0.2.1"),
    ((IPV6, "fe80::1", "en0", "darwin"), "sudo route -n add -inet6 -host 2001:db8::7 fe80::1%en0"),
    ((IPV6, "fd00::1", "em0", "freebsd14"), "sudo route -n add -inet6 -host 2001:db8::7 fd00::1"),
    (
        (IPV4, "192.0.2.1", "Wi-Fi 2", "win32"),
        'New-NetRoute -DestinationPrefix 203.0.113.7/32 -InterfaceAlias "Wi-Fi 2" -NextHop 192.0.2.1',
    ),
    ((IPV4, "192.0.2.1", 'x"; calc "', "win32"), ""),
    ((IPV4, "192.0.2.1", "$(calc)", "win32"), ""),
    ((IPV4, "192.0.2.1", "e;reboot", "linux"), ""),
    ((IPV4, "192.0.2.1", "-x", "linux"), ""),
]


@pytest.mark.parametrize(("arguments", "command"), ROUTES, ids=[" ".join(row[0]) for row in ROUTES])
def test_a_route_past_a_vpn(arguments: tuple[str, str, str, str], command: str) -> None:
    """Each system has its command, and a name that could end it is in none."""
    assert add_route(*arguments) == command


def test_a_route_is_shown() -> None:
    """Each system has its command to look at a route."""
    assert show_route(IPV4, "linux") == "ip route get 203.0.113.7"
    assert show_route(IPV6, "darwin") == "route -n get -inet6 2001:db8::7"
    assert show_route(IPV4, "win32") == "Find-NetRoute -RemoteIPAddress 203.0.113.7"
