"""What is known of the first packet of a connection, and which conditions of a rule that answers."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from doctl.net.firewall import Direction, Flow
from doctl.net.firewall.chains import Match

SYN: Final = 0x02
TCP_FLAGS: Final = {
    "fin": 0x01,
    "syn": SYN,
    "rst": 0x04,
    "psh": 0x08,
    "ack": 0x10,
    "urg": 0x20,
    "ecn": 0x40,
    "cwr": 0x80,
}
PROTOCOLS: Final = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58", "ipv6-icmp": "58", "sctp": "132", "esp": "50"}
OTHER_KINDS: Final = {"broadcast", "multicast", "anycast", "other", "blackhole", "unreachable", "prohibit", "unspec"}


def yes_if(condition: bool) -> Match:
    """Return YES or NO."""
    return Match.YES if condition else Match.NO


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a ``flow`` to or from another machine, over IPv4 or IPv6; all else about it is open."""

    flow: Flow
    ipv6: bool

    @property
    def inbound(self) -> bool:
        """Whether it comes to this machine."""
        return self.flow.direction is Direction.IN

    def protocol(self, name: str) -> Match:
        """Whether its transport protocol is ``name``, a name or a number."""
        return yes_if(PROTOCOLS.get(name, name) == PROTOCOLS[self.flow.protocol])

    def port(self, low: int, high: int) -> Match:
        """Whether it goes to a port from ``low`` to ``high``."""
        return yes_if(low <= self.flow.port <= high)

    def source_port(self, low: int, high: int) -> Match:
        """Whether it comes from a port from ``low`` to ``high``."""
        return Match.YES if low <= 0 and high >= 65535 else Match.DEPENDS

    def state(self, name: str) -> Match:
        """Whether connection tracking calls it ``name``."""
        return yes_if(name.lower() == "new")

    def interface(self, name: str) -> Match:
        """Whether it passes the interface ``name``; a trailing ``*`` or ``+`` stands for any rest."""
        if name in ("*", "+"):
            return Match.YES
        return Match.NO if name == "lo" else Match.DEPENDS

    def address(self, text: str) -> Match:
        """Whether an address of it, either one, lies in the network ``text``."""
        network = ipaddress.ip_network(text, strict=False)
        if (network.version == 6) != self.ipv6:
            return Match.NO
        if network.prefixlen == 0:
            return Match.YES
        return Match.NO if network.is_loopback or network.is_multicast else Match.DEPENDS

    def destination_kind(self, kind: str) -> Match:
        """Whether the routing table calls its destination ``kind`` (``local``, ``unicast``, ``broadcast``, ...)."""
        if kind.lower() in OTHER_KINDS:
            return Match.NO
        return yes_if((kind.lower() == "local") == self.inbound)

    def source_kind(self, kind: str) -> Match:
        """Whether the routing table calls its source ``kind``."""
        if kind.lower() in OTHER_KINDS:
            return Match.NO
        return yes_if((kind.lower() == "unicast") == self.inbound)

    def flags(self, mask: Collection[str], wanted: Collection[str]) -> Match:
        """Whether of the TCP flags ``mask`` exactly ``wanted`` are set; unknown names raise KeyError."""
        seen = SYN & _bits(mask)
        return yes_if(self.flow.protocol == "tcp" and seen == _bits(wanted))


def _bits(names: Collection[str]) -> int:
    return sum({TCP_FLAGS[name.lower()] for name in names})
