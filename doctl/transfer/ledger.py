"""Bytes by source and by peer: what came, what went out, what was wasted, and how fast it comes just now."""

import ipaddress
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from doctl.transfer.desk import Kind

WINDOW: Final = 5.0
"""Seconds over which the present rate is measured, ..."""
GAPS: Final = 4.0
"""... or so many times what passes between two pieces where these come slowly: one of 1 MiB takes six seconds at 1.5
Mbit/s, and peers that bring one at that speed would else seem to bring nothing at all for a second of them."""
LONGEST: Final = 60.0
"""Seconds that it is measured over at most."""
SMOOTHING: Final = 0.3
"""Weight of the latest gap between two pieces, if it was shorter; a longer one counts alone: pieces come in bunches."""
MOST_PEERS: Final = 10_000
"""Peers with an account of their own: one that calls again and again comes from another port each time."""
PEER_KINDS: Final = (Kind.LAN, Kind.GROUP, Kind.INTERNET)


@dataclass(slots=True)
class PeerAccount:
    """What one peer gave and took. Only verified bytes count as received; ``kind`` is lan, group or internet."""

    address: str
    kind: Kind
    bytes_received: int = 0
    bytes_sent: int = 0
    bad_pieces: int = 0
    banned: bool = False


class Ledger:
    """The books of one download. Times are seconds from any start."""

    def __init__(self) -> None:
        self.bytes_from: dict[Kind, int] = dict.fromkeys(Kind, 0)
        self.wasted = 0
        """Bytes that came and were of no use: bad, or had from somebody else already."""
        self.peers: dict[str, PeerAccount] = {}
        self._recent: deque[tuple[float, int, bool]] = deque()
        self._gap = 0.0
        self._latest: float | None = None

    def peer(self, address: str, kind: Kind) -> PeerAccount:
        """Return the account of a peer, opened at its first mention; those beyond MOST_PEERS share one of each kind."""
        name = address if address in self.peers or len(self.peers) < MOST_PEERS else f"other {kind} peers"
        return self.peers.setdefault(name, PeerAccount(name, kind))

    def book(self, name: str, kind: Kind, count: int, now: float) -> None:
        """Book ``count`` verified bytes from a source."""
        self.bytes_from[kind] += count
        if kind in PEER_KINDS:
            self.peer(name, kind).bytes_received += count
        self._recent.append((now, count, kind in PEER_KINDS))
        if self._latest is not None:
            passed = now - self._latest
            self._gap = max(passed, self._gap + SMOOTHING * (passed - self._gap))
        self._latest = now

    def bytes_sent(self) -> int:
        """Return the bytes that peers have had."""
        return sum(peer.bytes_sent for peer in self.peers.values())

    def sent_to_internet(self) -> int:
        """Return the bytes that Internet peers have had."""
        return sum(peer.bytes_sent for peer in self.peers.values() if peer.kind is Kind.INTERNET)

    def waste(self, count: int) -> None:
        """Book ``count`` bytes as wasted."""
        self.wasted += count

    def rate(self, now: float, *, peers_only: bool = False) -> float:
        """Return the verified bytes a second over the last ``WINDOW`` seconds, or a few pieces."""
        window = min(max(WINDOW, GAPS * self._gap), LONGEST)
        while self._recent and self._recent[0][0] < now - window:
            self._recent.popleft()
        if not self._recent:
            return 0.0
        counted = sum(count for _, count, from_peer in self._recent if from_peer or not peers_only)
        return counted / max(now - self._recent[0][0], 1.0)

    @property
    def efficiency(self) -> float:
        """The share of all verified bytes that peers gave, 0 to 1."""
        return efficiency(self.bytes_from)


def efficiency(bytes_from: Mapping[Kind, int]) -> float:
    """Return the share of ``bytes_from`` that peers gave, rounded to three places; 0 where nothing came."""
    total = sum(bytes_from.values())
    return round(sum(bytes_from[kind] for kind in PEER_KINDS) / total, 3) if total else 0.0


def kind_of_address(host: str) -> Kind:
    """Return LAN for loopback and private addresses (RFC 1918, RFC 4193, link-local), INTERNET for all others."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return Kind.LAN if address.is_private or address.is_link_local else Kind.INTERNET
