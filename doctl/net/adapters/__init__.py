"""What is known of a network adapter, as frozen data; who reads it from where is in the modules of this package."""

import enum
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

IPInterface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class Kind(enum.StrEnum):
    """What sort of adapter it is; ``virtual`` is made by software and no tunnel by itself (bridge, veth, dummy)."""

    ETHERNET = "ethernet"
    WIFI = "wifi"
    PPP = "ppp"
    TUNNEL = "tunnel"
    WIREGUARD = "wireguard"
    VIRTUAL = "virtual"
    LOOPBACK = "loopback"
    CELLULAR = "cellular"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Adapter:
    """One network adapter.

    ``name`` is what the system's commands call it, ``friendly_name`` what Windows shows its user (elsewhere the name
    again) and ``description`` what its driver says it is. ``if_type`` is IANA's ifType as Windows has it, or Linux's
    ARPHRD number where that has no twin there. ``driver`` is the kernel's word for it: ``tun``, ``veth``, ``e1000e``.
    ``gateways`` are the addresses of the routers that its default routes lead to.
    """

    name: str
    friendly_name: str = ""
    description: str = ""
    kind: Kind = Kind.UNKNOWN
    if_type: int | None = None
    up: bool = True
    addresses: tuple[IPInterface, ...] = ()
    default_route: bool = False
    driver: str = ""
    gateways: tuple[str, ...] = ()


KINDS_OF_TYPE: Final[Mapping[int, Kind]] = {
    6: Kind.ETHERNET,
    9: Kind.ETHERNET,  # token ring
    23: Kind.PPP,
    24: Kind.LOOPBACK,
    71: Kind.WIFI,
    131: Kind.TUNNEL,
    243: Kind.CELLULAR,  # GSM
    244: Kind.CELLULAR,  # CDMA
    512: Kind.PPP,
    519: Kind.CELLULAR,  # raw IP
    768: Kind.TUNNEL,  # IPv4 in IPv4, VTI
    769: Kind.TUNNEL,  # in IPv6
    772: Kind.LOOPBACK,
    776: Kind.TUNNEL,  # sit
    778: Kind.TUNNEL,  # GRE
    801: Kind.WIFI,
    802: Kind.WIFI,
    803: Kind.WIFI,
    823: Kind.TUNNEL,  # GRE in IPv6
    65534: Kind.TUNNEL,  # none: tun, WireGuard, XFRM
}
"""Kinds by IANA's ifType (below 500) and by Linux's ARPHRD number; 53, proprietary virtual, says nothing certain."""


@dataclass(frozen=True, slots=True)
class Details:
    """What one system alone knows of an adapter.

    ``route_name`` is what its table of routes calls it; ``default_route`` tells of one that has no gateway.
    """

    kind: Kind = Kind.UNKNOWN
    if_type: int | None = None
    description: str = ""
    driver: str = ""
    route_name: str = ""
    default_route: bool = False
