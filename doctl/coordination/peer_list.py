"""Which addresses of a peer list are wise to connect to; a service may be wrong, or hostile. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from doctl.endpoints import Address
from doctl.errors import ServiceError
from doctl.printable import printable
from doctl.settings import IPAddress
from doctl.wire.joining import Peer, PeerKind
from doctl.wire.places import Licence, Sort, literal_of, sort_of

LOWEST_PORT: Final = 1024
"""Peers listen on 7680 or on a free port; below are other services, which nobody should be sent to."""


@dataclass(frozen=True, slots=True)
class Found:
    """A peer that may be called at ``addresses``, tried in this order."""

    addresses: tuple[Address, ...]
    kind: PeerKind
    peer_id: bytes


@dataclass(frozen=True, slots=True)
class Home:
    """What is known of our own place: our addresses, our port and peer id, and whether the service is on loopback."""

    addresses: frozenset[IPAddress]
    port: int
    peer_id: bytes
    on_loopback: bool = False
    on_link_local: bool = False

    def allows(self, address: IPAddress) -> bool:
        """Whether ``address`` is one that a peer can have, seen from here."""
        return sort_of(address) in self.sorts

    @property
    def sorts(self) -> frozenset[Sort]:
        """The sorts of places that a service may name."""
        near = {Sort.LOOPBACK: self.on_loopback, Sort.LINK_LOCAL: self.on_link_local}
        return frozenset({Sort.USUAL, *(sort for sort, ours in near.items() if ours)})


def home_of(service_url: str, addresses: Iterable[IPAddress], port: int, peer_id: bytes) -> Home:
    """Return what is known of our own place; only an address that the user wrote makes loopback our network."""
    host = urlsplit(service_url).hostname or ""
    literal = literal_of(host)
    on_loopback = host == "localhost" or (literal is not None and literal.is_loopback)
    return Home(
        frozenset(addresses), port, peer_id, on_loopback, on_link_local=literal is not None and literal.is_link_local
    )


def check_place(url: str, service_url: str) -> None:
    """Raise ServiceError where the service at ``service_url`` sends us on to a ``url`` that it should not.

    From https only to https; and to no address that no peer may have either.
    """
    parts = urlsplit(url)
    if urlsplit(service_url).scheme == "https" and parts.scheme != "https":
        raise ServiceError(f"the service leads from https down to {printable(url, 100)}; refused", reason="downgraded")
    literal = literal_of(parts.hostname or "")
    home = home_of(service_url, (), 0, b"")
    if (parts.hostname == "localhost" and not home.on_loopback) or (literal is not None and not home.allows(literal)):
        raise ServiceError(f"the service leads to {printable(url, 100)}; refused", reason="bad_place")


def licence_of(service_url: str) -> Licence:
    """Return where the service that the user named may send us, whatever names it gives."""
    return Licence(home_of(service_url, (), 0, b"").sorts, urlsplit(service_url).hostname or "")


def acceptable(peers: Iterable[Peer], external: IPAddress, home: Home) -> Iterator[Found]:
    """Yield the peers that may be called, never ourselves.

    One on our own LAN is called at its private address first, one that shares nothing with us at its public one.
    """
    for peer in peers:
        if peer.peer_id == home.peer_id or peer.port < LOWEST_PORT:
            continue
        places = [
            address for address in _places(peer, external) if home.allows(address) and not _is_us(address, peer, home)
        ]
        if places:
            yield Found(
                tuple(Address(str(address), peer.port) for address in dict.fromkeys(places)), peer.kind, peer.peer_id
            )


def _places(peer: Peer, external: IPAddress) -> Iterator[IPAddress]:
    near = peer.kind is not PeerKind.INTERNET or peer.address == external
    if near and peer.private_address is not None:
        yield peer.private_address
    yield peer.address


def _is_us(address: IPAddress, peer: Peer, home: Home) -> bool:
    return address in home.addresses and peer.port == home.port
