"""Linux says by rtnetlink and sysfs what sort each adapter is."""

import struct
import sys
from pathlib import Path

import pytest

from doctl.net.adapters import Details, Kind
from doctl.net.adapters.linux import default_devices, describe, details, kind_in
from doctl.net.netlink import attribute

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows lacks the symbolic links of sysfs")

# what /sys/class/net/NAME holds, after Documentation/ABI/testing/sysfs-class-net and what the drivers set;
# a file by its content, a folder by None, the driver of hardware as a link
LINKS: dict[str, tuple[dict[str, str | None], str, Details]] = {
    "lo": ({"type": "772"}, "", Details(Kind.LOOPBACK, 24)),
    "eth0": (
        {"type": "1", "device": None, "device/driver": "-> e1000e"},
        "",
        Details(Kind.ETHERNET, 6, driver="e1000e"),
    ),
    "wlan0": (
        {"type": "1", "uevent": "DEVTYPE=wlan\nINTERFACE=wlan0", "phy80211": None, "device/driver": "-> iwlwifi"},
        "",
        Details(Kind.WIFI, 6, driver="iwlwifi"),
    ),
    "old_wlan0": ({"type": "801", "wireless": None, "device": None}, "", Details(Kind.WIFI, 71)),
    "wwan0": (
        {"type": "65534", "uevent": "DEVTYPE=wwan", "device/driver": "-> qmi_wwan"},
        "",
        Details(Kind.CELLULAR, 65534, driver="qmi_wwan"),
    ),
    "rawip0": ({"type": "519", "device": None}, "", Details(Kind.CELLULAR, 519)),
    "wg0": ({"type": "65534", "uevent": "DEVTYPE=wireguard"}, "", Details(Kind.WIREGUARD, 65534, driver="wireguard")),
    "wg1": ({"type": "65534"}, "wireguard", Details(Kind.WIREGUARD, 65534, driver="wireguard")),
    "tun0": ({"type": "65534", "tun_flags": "0x1001"}, "tun", Details(Kind.TUNNEL, 65534, driver="tun")),
    "tap0": ({"type": "1", "tun_flags": "0x1002"}, "tun", Details(Kind.VIRTUAL, 6, driver="tap")),
    "ppp0": ({"type": "512"}, "ppp", Details(Kind.PPP, 23, driver="ppp")),
    "ipip1": ({"type": "768"}, "ipip", Details(Kind.TUNNEL, 768, driver="ipip")),
    "sit1": ({"type": "776"}, "sit", Details(Kind.TUNNEL, 776, driver="sit")),
    "gre1": ({"type": "778"}, "gre", Details(Kind.TUNNEL, 778, driver="gre")),
    "gretap1": ({"type": "1"}, "gretap", Details(Kind.TUNNEL, 6, driver="gretap")),
    "vti1": ({"type": "768"}, "vti", Details(Kind.TUNNEL, 768, driver="vti")),
    "xfrm1": ({"type": "65534"}, "xfrm", Details(Kind.TUNNEL, 65534, driver="xfrm")),
    "docker0": (
        {"type": "1", "uevent": "DEVTYPE=bridge", "bridge": None},
        "",
        Details(Kind.VIRTUAL, 6, driver="bridge"),
    ),
    "veth1": ({"type": "1"}, "veth", Details(Kind.VIRTUAL, 6, driver="veth")),
    "bond0": ({"type": "1", "uevent": "DEVTYPE=bond"}, "bond", Details(Kind.VIRTUAL, 6, driver="bond")),
    "strange": ({"type": "banana"}, "", Details(Kind.UNKNOWN)),
}


def make(folder: Path, files: dict[str, str | None]) -> Path:
    """Make a folder as ``/sys/class/net`` has them."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if content is None:
            path.mkdir(exist_ok=True)
        elif content.startswith("-> "):
            path.symlink_to(f"../../../../bus/pci/drivers/{content[3:]}")
        else:
            path.write_text(f"{content}\n")
    return folder


@pytest.mark.parametrize("name", LINKS)
def test_sysfs_and_the_kind_say_what_an_adapter_is(name: str, tmp_path: Path) -> None:
    """Type, flags, device type, driver and rtnetlink's kind come out as the kind and type that doctl uses."""
    files, kernel_kind, wanted = LINKS[name]
    said = describe(make(tmp_path / name, files), kernel_kind)
    assert (said.kind, said.if_type, said.driver) == (wanted.kind, wanted.if_type, wanted.driver)
    assert said.route_name == name


def test_only_folders_of_adapters_are_read(tmp_path: Path) -> None:
    """Other entries, such as bonding_masters, and a missing sysfs are passed over."""
    make(tmp_path / "eth9", {"type": "1"})
    (tmp_path / "bonding_masters").write_text("")
    assert list(details(tmp_path)) == ["eth9"]
    assert details(tmp_path / "nothing") == {}


def link(name: str, kind: str | None) -> bytes:
    """Return the body of an RTM_NEWLINK message as the kernel sends it (rtnetlink(7))."""
    info = attribute(18, attribute(1, kind.encode() + b"\0") + attribute(2, b"data")) if kind else b""
    return struct.pack("=BxHiII", 0, 1, 5, 0, 0) + attribute(3, name.encode() + b"\0") + attribute(4, b"\0" * 4) + info


def test_kinds_are_read_from_netlink() -> None:
    """A software device has a kind, hardware has none; a body cut or altered at any byte is borne."""
    assert kind_in(link("eth0", None)) == {}
    assert kind_in(link("wg0", "wireguard")) == {"wg0": "wireguard"}
    body = link("wg0", "wireguard")
    for at in range(len(body)):
        kind_in(body[:at])
        for value in (0, 1, 3, 255):
            kind_in(body[:at] + bytes([value]) + body[at + 1 :])


ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
tun0	00000000	00000000	0001	0	0	0	00000080	0	0	0
tun0	00000080	00000000	0001	0	0	0	00000080	0	0	0
wg0	00000000	00000000	0001	0	0	50	00000000	0	0	0
eth1	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
short	00000000
"""


def test_default_routes_without_a_gateway_count() -> None:
    """A default route by device alone, and two halves of everything, are default routes."""
    assert default_devices(ROUTES) == {"eth0", "tun0", "wg0"}
    assert default_devices("") == set()
