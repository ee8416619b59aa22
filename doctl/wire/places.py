"""What an address is: whose, what other address it stands for, and whether a stranger may send us there."""

import enum
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from doctl.settings import IPAddress

METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
)
"""Where clouds tell a machine its secrets."""
NOWHERE: Final = (
    ipaddress.ip_network("0.0.0.0/8"),
    ipaddress.ip_network("240.0.0.0/4"),
    ipaddress.ip_network("::/128"),
)
"""Addresses that no machine has, among them the broadcast; a system may take some for itself (RFC 6890)."""
_IN_LAST: Final = tuple(
    ipaddress.ip_network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
"""Prefixes with an IPv4 address in the last 32 bits: compatible, mapped, translated (RFC 2765), NAT64 (RFC 6052)."""
_LOCAL_NAT64: Final = ipaddress.ip_network("64:ff9b:1::/48")
"""RFC 8215: a network's own, with the IPv4 address anywhere in it, so that nobody can tell what it stands for."""


class Sort(enum.Enum):
    """What kind of place an address is."""

    USUAL = "usual"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link-local"
    NEVER = "no place for a download"
    """Metadata services of clouds, multicast, and what is no machine's address."""


def sort_of(address: IPAddress) -> Sort:
    """Return the worst of what ``address`` is itself and of the IPv4 addresses that it stands for."""
    sorts = {_sort(each) for each in (address, *_inside(address))}
    return next(sort for sort in (Sort.NEVER, Sort.LOOPBACK, Sort.LINK_LOCAL, Sort.USUAL) if sort in sorts)


def _sort(address: IPAddress) -> Sort:
    if address.is_loopback:
        return Sort.LOOPBACK
    if address in METADATA or address.is_multicast or any(address in network for network in (*NOWHERE, _LOCAL_NAT64)):
        return Sort.NEVER
    return Sort.LINK_LOCAL if address.is_link_local else Sort.USUAL


def _inside(address: IPAddress) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses that packets to an IPv6 address may go to: of Teredo the client, not the server."""
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback:
        return
    if any(address in network for network in _IN_LAST):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield address.teredo[1]


@dataclass(frozen=True, slots=True)
class Licence:
    """Where the word of a server may send us: to places of these ``sorts``, and to the host that the user ``asked``."""

    sorts: frozenset[Sort] = frozenset({Sort.USUAL})
    asked: str = ""

    @classmethod
    def of(cls, host: str) -> "Licence":
        """Return what follows from the user's having named ``host``, a name or a literal."""
        literal = literal_of(host)
        own = sort_of(literal) if literal is not None else Sort.LOOPBACK if host == "localhost" else Sort.USUAL
        return cls(frozenset({Sort.USUAL, own}), host)

    def allows(self, host: str, address: IPAddress) -> bool:
        """Whether a server's word is enough to talk to ``host``, which turned out to be at ``address``."""
        return host == self.asked or sort_of(address) in self.sorts


def literal_of(host: str) -> IPAddress | None:
    """Return the address that ``host`` is, without its scope; None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def owner_of(address: IPAddress) -> str:
    """Return what one customer of a provider has: an IPv4 address, or the /64 of an IPv6 address."""
    plain = (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
    return str(plain) if plain.version == 4 else str(ipaddress.ip_network((int(plain), 64), strict=False))


def owner_of_host(host: str) -> str:
    """Return the same for the host of a connection; a name is its own owner."""
    address = literal_of(host)
    return owner_of(address) if address is not None else host
