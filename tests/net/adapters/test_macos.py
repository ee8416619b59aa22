"""macOS says by ifconfig, networksetup and scutil what sort each adapter is.

The fixtures have the shape of outputs that several public repositories quote; no Mac was at hand.
"""

from doctl.net.adapters import Kind
from doctl.net.adapters.macos import describe

IFCONFIG = """\
lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
	options=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>
	inet 127.0.0.1 netmask 0xff000000
	inet6 ::1 prefixlen 128
gif0: flags=8010<POINTOPOINT,MULTICAST> mtu 1280
stf0: flags=0<> mtu 1280
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
	ether 3c:22:fb:12:34:56
	inet 192.168.13.10 netmask 0xffffff00 broadcast 192.168.13.255
	media: autoselect
	status: active
en5: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
	status: inactive
awdl0: flags=8943<UP,BROADCAST,RUNNING,PROMISC,SIMPLEX,MULTICAST> mtu 1484
	inet6 fe80::2c35:d7ff:feb0:d9b5%awdl0 prefixlen 64 scopeid 0x9
bridge0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
	member: en1 flags=3<LEARNING,DISCOVER>
utun0: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 2000
	inet6 fe80::fe8b:356a:44f2:9f6e%utun0 prefixlen 64 scopeid 0xa
utun2: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1380
	inet 172.31.250.118 --> 172.31.250.118 netmask 0xffffffff
ppp0: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1280
	inet 10.41.0.2 --> 10.41.0.1 netmask 0xff000000
newkind0: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1280
"""
PORTS = """\

Hardware Port: Wi-Fi
Device: en0
Ethernet Address: 3c:22:fb:12:34:56

Hardware Port: Thunderbolt Bridge
Device: bridge0
Ethernet Address: N/A

Hardware Port: USB 10/100/1000 LAN
Device: en5
Ethernet Address: 00:e0:4c:68:01:02

VLAN Configurations
===================
"""
INFORMATION = """\
Network information

IPv4 network interface information
     en0 : flags      : 0x5 (IPv4,DNS)
           address    : 192.168.13.10
           reach      : 0x00000002 (Reachable)
   utun2 : flags      : 0x7 (IPv4,IPv6,DNS)
           address    : 172.31.250.118
           VPN server : 203.0.113.4
           reach      : 0x00000002 (Reachable)

   REACH : flags 0x00000002 (Reachable)

Network interfaces: en0 utun2
"""


def test_names_flags_ports_and_services_say_what_an_adapter_is() -> None:
    """Each adapter has its kind, hardware the name of its port, and one with a VPN server is marked."""
    said = describe(IFCONFIG, PORTS, INFORMATION)
    assert {name: each.kind for name, each in said.items()} == {
        "lo0": Kind.LOOPBACK,
        "gif0": Kind.TUNNEL,
        "stf0": Kind.TUNNEL,
        "en0": Kind.WIFI,
        "en5": Kind.ETHERNET,
        "awdl0": Kind.VIRTUAL,
        "bridge0": Kind.VIRTUAL,
        "utun0": Kind.TUNNEL,
        "utun2": Kind.TUNNEL,
        "ppp0": Kind.PPP,
        "newkind0": Kind.TUNNEL,
    }
    assert said["en5"].description == "USB 10/100/1000 LAN"
    assert [name for name, each in said.items() if each.driver == "vpn service"] == ["utun2"]


def test_empty_answers_are_borne() -> None:
    """A tool that says nothing leaves what the others say, and no tool at all leaves nothing."""
    assert describe("", "", "") == {}
    assert describe(IFCONFIG, "", "")["en0"].kind is Kind.ETHERNET
