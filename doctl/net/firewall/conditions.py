"""Whether the condition of an nftables rule, as libnftables-json(5) writes it, holds for a packet."""

import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final

from doctl.net.firewall.chains import Match, all_of, any_of, opposite
from doctl.net.firewall.packet import TCP_FLAGS, Packet, yes_if

Sets = Mapping[str, list[Any]]
"""The elements of the named sets and maps of one table."""

ORDER: Final = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
BY_MOMENT: Final = {"skuid", "skgid", "cgroup", "time", "day", "hour", "random", "cpu", "iifgroup", "oifgroup"}
"""Meta keys that depend on who sends or when, and not on what doctl asks about."""
LAYERS: Final = {"ip", "ip6", "tcp", "udp", "th", "ether", "vlan"}
"""Protocols that may be in the packet; a condition about any other one never holds."""


def matches(op: str, left: Any, right: Any, packet: Packet, sets: Sets) -> Match:
    """Return whether ``left op right`` holds; shapes that are not understood raise or are OPAQUE."""
    if not _applies(left, packet):
        return Match.NO
    if op in ORDER:
        return _ordered(op, left, right, packet)
    if op == "in" and _is_field(left, "flags"):
        return yes_if(packet.flow.protocol == "tcp" and "syn" in _names(right))
    found = member(left, [right], packet, sets)
    return opposite(found) if op == "!=" else found


def member(left: Any, elements: Iterable[Any], packet: Packet, sets: Sets) -> Match:
    """Return whether ``left`` is one of ``elements``, which may be values, ranges, prefixes and sets."""
    if not _applies(left, packet):
        return Match.NO
    return any_of(_equal(left, atom, packet, sets) for element in elements for atom in _atoms(element, sets))


def _atoms(element: Any, sets: Sets) -> list[Any]:
    """Return the single values, ranges and prefixes that ``element`` stands for."""
    match element:
        case str() if element.startswith("@"):
            return [atom for one in sets[element[1:]] for atom in _atoms(one, sets)]
        case {"set": elements} | {"elem": {"val": elements}} if isinstance(elements, list):
            return [atom for one in elements for atom in _atoms(one, sets)]
        case {"elem": {"val": value}}:
            return _atoms(value, sets)
        case list():
            return [atom for one in element for atom in _atoms(one, sets)]
    return [element]


def _applies(left: Any, packet: Packet) -> bool:
    """Whether the packet has what ``left`` looks at; a rule that looks for what is not there never matches."""
    match left:
        case {"meta": {"key": str(key)}} if key.startswith(("iif", "oif")):
            return key.startswith("iif") == packet.inbound
        case {"payload": {"protocol": str(protocol)}}:
            return _carries(protocol, packet)
        case {"concat": list(parts)} | {"&": list(parts)}:
            return all(_applies(part, packet) for part in parts)
        case {"exthdr": _}:
            return False
    return True


def _carries(protocol: str, packet: Packet) -> bool:
    if protocol in ("ip", "ip6"):
        return packet.ipv6 == (protocol == "ip6")
    if protocol in ("tcp", "udp"):
        return packet.flow.protocol == protocol
    return protocol in LAYERS


def _equal(  # noqa: PLR0911 - one return for each kind of expression
    left: Any, atom: Any, packet: Packet, sets: Sets
) -> Match:
    """Return whether ``left`` equals one value, or lies in one range or prefix."""
    if atom == "*":
        return Match.YES
    match left:
        case {"concat": list(parts)}:
            return all_of(member(part, [one], packet, sets) for part, one in zip(parts, atom["concat"], strict=True))
        case {"meta": {"key": str(key)}}:
            return _meta(key, atom, packet)
        case {"payload": {"protocol": str(protocol), "field": str(name)}}:
            return _payload(protocol, name, atom, packet)
        case {"ct": {"key": str(key)}}:
            return _tracked(key, atom, packet)
        case {"fib": {"result": str(result), "flags": flags}}:
            return _fib(result, flags, atom, packet)
        case {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, mask]}:
            return packet.flags(_names(mask), _names(atom))
    return Match.OPAQUE


def _meta(key: str, atom: Any, packet: Packet) -> Match:
    if key in ("iifname", "oifname", "iif", "oif"):
        return packet.interface(str(atom))
    if key == "l4proto":
        return packet.protocol(str(atom))
    if key in ("nfproto", "protocol"):
        return yes_if(atom in (("ipv6", "ip6") if packet.ipv6 else ("ipv4", "ip")))
    if key == "pkttype":
        return yes_if(atom in ("host", "unicast"))
    return Match.DEPENDS if key in BY_MOMENT else Match.OPAQUE


def _payload(protocol: str, name: str, atom: Any, packet: Packet) -> Match:
    if name in ("dport", "sport"):
        low, high = atom["range"] if isinstance(atom, dict) else (atom, atom)
        return packet.port(int(low), int(high)) if name == "dport" else packet.source_port(int(low), int(high))
    if name in ("saddr", "daddr") and protocol in ("ip", "ip6"):
        return _address(atom, packet)
    if (protocol, name) in (("ip", "protocol"), ("ip6", "nexthdr")):
        return packet.protocol(str(atom))
    if (protocol, name) == ("tcp", "flags"):
        return packet.flags(TCP_FLAGS, _names(atom))
    return Match.DEPENDS if name in ("dscp", "ecn", "ttl", "hoplimit") else Match.OPAQUE


def _tracked(key: str, atom: Any, packet: Packet) -> Match:
    """Judge what connection tracking knows: the connection is new, and neither translated nor confirmed."""
    if key == "state":
        return packet.state(atom)
    if key == "direction":
        return yes_if(atom == "original")
    return Match.NO if key == "status" else Match.OPAQUE


def _address(atom: Any, packet: Packet) -> Match:
    match atom:
        case {"prefix": {"addr": str(address), "len": int(length)}}:
            return packet.address(f"{address}/{length}")
        case {"range": _}:
            return Match.DEPENDS
    return packet.address(atom)


def _fib(result: str, flags: Iterable[str], atom: Any, packet: Packet) -> Match:
    """Judge a look-up in the routing table; a sender that can be answered has a way back."""
    if result != "type":
        return yes_if(atom is True) if isinstance(atom, bool) else Match.OPAQUE
    return packet.destination_kind(atom) if "daddr" in flags else packet.source_kind(atom)


def _ordered(op: str, left: Any, right: Any, packet: Packet) -> Match:
    if _is_field(left, "dport") and isinstance(right, int):
        return yes_if(ORDER[op](packet.flow.port, right))
    return Match.DEPENDS if _is_field(left, "sport") else Match.OPAQUE


def _is_field(left: Any, name: str) -> bool:
    match left:
        case {"payload": {"field": field}}:
            return bool(field == name)
    return False


def _names(flags: Any) -> list[str]:
    """Return flag names, written as one name, a list, or names joined by ``|``."""
    match flags:
        case str():
            return [flags]
        case {"|": parts} | list(parts):
            return [name for part in parts for name in _names(part)]
    raise TypeError(f"not flags: {flags!r}")
