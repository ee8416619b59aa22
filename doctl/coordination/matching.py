"""Who is a peer for whom: the download modes as pools of members, and the choice among what the pools hold.

A member is in the pools that its mode allows and is given members of the same pools, so that whom one may be given, the
other agreed to. The pools go from the nearest to the widest: same subnet, same public address, group, everybody.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Final, NamedTuple

from doctl.errors import UsageError
from doctl.settings import DownloadMode, IPAddress
from doctl.wire.joining import JoinRequest, PeerKind, Restriction, peer_head
from doctl.wire.places import owner_of

PRIVATE: Final = tuple(
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Addresses inside a network (RFC 1918, RFC 4193)."""
SHARED: Final = ipaddress.ip_network("100.64.0.0/10")
"""Between a provider's NAT and its customers (RFC 6598): theirs to report, but no sign of one LAN."""
MOST_GIVEN: Final = 50
"""Peers in an answer at most."""
OF_A_MACHINE: Final = 32
"""Members of one swarm at most that share an address inside the network."""
OF_A_SITE: Final = 512
"""The same for a public address, behind which a whole site may be; the latest to join are known."""
EVERY: Final = "every"
"""The pool that all members of a swarm are in, to be listed; nobody is given peers of it."""
_ONE_LAN: Final = "inside"


class Member(NamedTuple):
    """A machine in a swarm. ``owner`` is what limits count: the IPv4 address or the IPv6 /64 that the service sees.

    ``key`` is what a later join of the same member has again, and nobody at another address can have. ``machine`` is
    the same for all that say they are on one machine, ``endpoint`` has the port as well. ``lan`` is the same text for
    all on one LAN, ``subnet`` is empty where it is not known. ``head`` is the JSON of ``peer_head``.
    """

    key: str
    owner: str
    machine: str
    endpoint: str
    lan: str
    subnet: str
    group: str
    mode: DownloadMode
    strict: bool
    head: str

    @property
    def share(self) -> int:
        """How many members of one swarm its owner may be."""
        return OF_A_MACHINE if self.lan == _ONE_LAN else OF_A_SITE


def member_of(request: JoinRequest, seen: IPAddress) -> Member:
    """Return who joins from the address ``seen``; UsageError where it reports an address that cannot be its own."""
    reported = request.reported
    if reported is not None and reported != seen and not _may_report(reported):
        raise UsageError("ReportedIp must be a private address, or the one that the request comes from")
    owner = owner_of(seen)
    lan = _ONE_LAN if is_inside(seen) else owner
    own = reported or (seen if lan == _ONE_LAN else request.peer_id.hex())
    return Member(
        key=f"{owner} {request.peer_id.hex()}",
        owner=owner,
        machine=f"{owner} {own}",
        endpoint=f"{owner} {own} {request.port}",
        lan=lan,
        subnet=str(ipaddress.ip_network((reported, request.prefix), strict=False))
        if reported and request.prefix
        else "",
        group=request.group_id,
        mode=request.mode,
        strict=request.restriction is not Restriction.NAT,
        head=peer_head(seen, request.port, request.peer_id, reported),
    )


def is_inside(address: IPAddress) -> bool:
    """Whether a service that sees this address is in the same network as the machine that has it."""
    return address.is_loopback or any(address in network for network in PRIVATE)


def _may_report(address: IPAddress) -> bool:
    return any(address in network for network in (*PRIVATE, SHARED))


def pools_of(member: Member) -> tuple[str, ...]:
    """Return the pools that a member is in and is given members of, the nearest first; none where it takes no peers."""
    if member.mode is DownloadMode.LAN:
        return tuple(_near(member))
    if member.mode is DownloadMode.GROUP:
        return tuple(_grouped(member))
    if member.mode is DownloadMode.INTERNET:
        return (*_near(member), *_grouped(member), "all")
    return ()


def _near(member: Member) -> Iterator[str]:
    if member.subnet:
        yield f"subnet {member.lan} {member.subnet}"
    if not member.strict:
        yield f"lan {member.lan}"


def _grouped(member: Member) -> Iterator[str]:
    if member.group:
        if member.subnet:
            yield f"group {member.group} {member.lan} {member.subnet}"
        yield f"group {member.group} {member.lan}"
        yield f"group {member.group}"


def kind_of(asker: Member, member: Member) -> PeerKind:
    """Return what ``member`` is to ``asker``; under a restriction of either, a LAN is one subnet."""
    if asker.lan == member.lan and (
        (asker.subnet and asker.subnet == member.subnet) or not (asker.strict or member.strict)
    ):
        return PeerKind.LAN
    return PeerKind.GROUP if asker.group and asker.group == member.group else PeerKind.INTERNET


def choose(asker: Member, pools: Iterable[Iterable[Member]], wanted: int) -> list[Member]:
    """Return at most ``wanted`` members of ``pools``, the nearest first, never the asker, each machine in its turn.

    ``pools`` are the members found in each of the asker's pools, in the same order, by chance; one may be in several.
    """
    chosen: list[Member] = []
    known = {asker.key, asker.endpoint}
    for pool in pools:
        fresh = []
        for member in pool:
            if member.key not in known and member.endpoint not in known:
                known.add(member.key)
                known.add(member.endpoint)
                fresh.append(member)
        chosen += _in_turn(asker, fresh)
        if len(chosen) >= wanted:
            break
    return chosen[:wanted]


def _in_turn(asker: Member, members: list[Member]) -> list[Member]:
    """Return the first of every machine, then the second of every one that has two, and so on.

    On another LAN only the public address tells machines apart, since what they report of themselves proves nothing.
    """
    counts: dict[str, int] = {}
    turns = []
    for member in members:
        machine = member.machine if member.lan == asker.lan else member.owner
        turns.append(counts.get(machine, 0))
        counts[machine] = turns[-1] + 1
    return [member for _, member in sorted(zip(turns, members, strict=True), key=itemgetter(0))]
