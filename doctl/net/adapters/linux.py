"""What Linux knows of its adapters: their kinds from rtnetlink, everything else from /sys/class/net."""

import contextlib
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from doctl.net import netlink
from doctl.net.adapters import KINDS_OF_TYPE, Details, Kind

SYSFS: Final = Path("/sys/class/net")
ROUTES: Final = Path("/proc/net/route")
LONGEST: Final = 1 << 20
"""Bytes of one file that are read."""

TUNNELS: Final = frozenset({"gre", "gretap", "ip6gre", "ip6tnl", "ipip", "l2tp", "sit", "tun", "vti", "vti6", "xfrm"})
IFF_TAP: Final = 0x0002
IANA_OF_ARPHRD: Final[Mapping[int, int]] = {1: 6, 512: 23, 772: 24, 801: 71, 802: 71, 803: 71}
"""ARPHRD numbers that have a twin among IANA's ifTypes."""

_GETLINK, _NEWLINK = 18, 16
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_INFO_KIND = 3, 18, 1
_LINK = struct.Struct("=BxHiII")


def details(sysfs: Path = SYSFS) -> dict[str, Details]:
    """Return what the system knows of each adapter, by its name."""
    kinds, routed = read_kinds(), default_devices(_text(ROUTES))
    return {
        folder.name: describe(folder, kinds.get(folder.name, ""), folder.name in routed) for folder in _folders(sysfs)
    }


def default_devices(routes: str) -> set[str]:
    """Return the adapters with an IPv4 default route in ``/proc/net/route``, those without a gateway too.

    Two routes to halves of the address space, as VPN clients make them, count as one.
    """
    rows = [line.split() for line in routes.splitlines()[1:]]
    wide = {"00000000", "00000080"}  # 0.0.0.0/0 and its halves; the kernel writes in the machine's byte order
    return {row[0] for row in rows if len(row) > 7 and row[1] in wide and row[7] in wide}


def describe(folder: Path, kernel_kind: str, default_route: bool = False) -> Details:
    """Return what ``/sys/class/net/NAME`` says; ``kernel_kind`` is rtnetlink's word for it, empty for hardware."""
    arphrd = _number(folder / "type")
    driver = _driver(folder, kernel_kind)
    if_type = IANA_OF_ARPHRD.get(arphrd, arphrd) if arphrd is not None else None
    kind = _kind(folder, driver, if_type)
    return Details(kind, if_type, driver=driver, route_name=folder.name, default_route=default_route)


def _driver(folder: Path, kernel_kind: str) -> str:
    """Return the kernel's word for it: the kind of a software device, or the driver of a piece of hardware."""
    if kernel_kind == "tun" or (folder / "tun_flags").exists():
        return "tap" if (_number(folder / "tun_flags") or 0) & IFF_TAP else "tun"
    if kernel_kind:
        return kernel_kind
    with contextlib.suppress(OSError):
        return (folder / "device" / "driver").readlink().name
    return _device_type(folder)


def _kind(folder: Path, driver: str, if_type: int | None) -> Kind:
    device_type = _device_type(folder)
    if "wireguard" in (driver, device_type):
        return Kind.WIREGUARD
    if driver in TUNNELS:
        return Kind.TUNNEL
    if device_type == "wlan" or (folder / "wireless").exists() or (folder / "phy80211").exists():
        return Kind.WIFI
    hardware = (folder / "device").exists()
    if device_type == "wwan" or (hardware and if_type in (519, 65534)):
        return Kind.CELLULAR
    kind = KINDS_OF_TYPE.get(if_type, Kind.UNKNOWN) if if_type is not None else Kind.UNKNOWN
    return Kind.VIRTUAL if kind is Kind.ETHERNET and not hardware else kind


def _device_type(folder: Path) -> str:
    lines = _text(folder / "uevent").splitlines()
    return next((line.removeprefix("DEVTYPE=") for line in lines if line.startswith("DEVTYPE=")), "")


def _folders(sysfs: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder for folder in sysfs.iterdir() if (folder / "type").exists())
    return []


def _text(path: Path) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(LONGEST).decode("utf-8", "replace").strip()
    return ""


def _number(path: Path) -> int | None:
    with contextlib.suppress(ValueError):
        return int(_text(path), 0)
    return None


def read_kinds() -> dict[str, str]:
    """Ask rtnetlink for the kind of each software device, by name; what it does not say is left out."""
    kinds: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for message_type, body in netlink.ask(_GETLINK, _LINK.pack(0, 0, 0, 0, 0), dump=True):
            if message_type == _NEWLINK:
                kinds.update(kind_in(body))
    return kinds


def kind_in(body: bytes) -> dict[str, str]:
    """Read one link of rtnetlink (RFC 3549): its name and its kind, nothing for one without a kind."""
    said = dict(netlink.attributes(body[_LINK.size :]))
    kind = dict(netlink.attributes(said.get(_IFLA_LINKINFO, b""))).get(_IFLA_INFO_KIND)
    return {_name(said.get(_IFLA_IFNAME, b"")): _name(kind)} if kind else {}


def _name(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")
