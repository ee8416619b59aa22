"""Reads what ``firewall-cmd --list-all-zones`` prints (firewall-cmd(1)) and says what the active zones let in."""

import re
import shlex
from typing import Final

from doctl.endpoints import PEER_PORT, TEREDO_PORT
from doctl.net.firewall import Direction, Flow, Ruling, Verdict
from doctl.net.firewall.chains import (
    Action,
    Chain,
    Match,
    Rule,
    all_of,
    alternatives,
    ends_of,
    in_both_families,
    ruling,
)
from doctl.net.firewall.packet import Packet, yes_if

TOOL: Final = "firewalld"
OTHER_SERVICES: Final = {
    *("ssh", "dhcp", "dhcpv6", "dhcpv6-client", "mdns", "cockpit", "samba", "samba-client", "http", "https", "http3"),
    *("dns", "ntp", "ipp", "ipp-client", "nfs", "llmnr", "rdp", "vnc-server", "kdeconnect"),
}
"""Well-known services that have none of the ports in ``ASKED``; any other one might."""
ASKED: Final = {PEER_PORT, TEREDO_PORT}
ACTIONS: Final = {"accept": Action.ACCEPT, "drop": Action.DROP, "reject": Action.DROP}


def judge(text: str, flow: Flow) -> Ruling | None:
    """Return what the active zones say about ``flow``; None for what goes out, which zones do not decide."""
    if flow.direction is Direction.OUT:
        return None
    zones = [zone for zone in re.split(r"\n\s*\n", text) if re.match(r"\s*\S+ \([^)]*\bactive\b", zone)]
    if not zones:
        return Ruling(TOOL, Verdict.UNKNOWN, "firewalld names no active zone")
    return alternatives({f"in zone {_name(zone)}": _judged(zone, flow) for zone in zones})


def _name(zone: str) -> str:
    return zone.split(maxsplit=1)[0]


def _judged(zone: str, flow: Flow) -> Ruling:
    return in_both_families(lambda ipv6: _zone(zone, Packet(flow, ipv6)))


def _zone(text: str, packet: Packet) -> Ruling:
    name = _name(text)
    options = dict(re.findall(r"^  ([a-z-]+): *(.*?) *$", text, re.MULTILINE))
    rich = [_rich(name, line.strip(), packet) for line in text.splitlines() if line.startswith("\trule ")]
    rules = sorted(rich, key=lambda rule: rule.action is Action.ACCEPT)  # firewalld denies before it allows
    rules += [_port(name, one, packet) for one in options.get("ports", "").split()]
    rules += [_service(name, one, packet) for one in options.get("services", "").split()]
    rules += [_protocol(name, one, packet) for one in options.get("protocols", "").split()]
    return ruling(TOOL, [ends_of(Chain(rules, _target(name, options.get("target", ""))), {})])


def _target(zone: str, target: str) -> Rule:
    actions = {"default": Action.DROP, "%%REJECT%%": Action.DROP, "DROP": Action.DROP, "ACCEPT": Action.ACCEPT}
    text = f"zone {zone}: target {target}"
    return Rule(text, Match.YES, actions.get(target, Action.OPAQUE), is_policy=True)


def _port(zone: str, text: str, packet: Packet) -> Rule:
    ports, _, protocol = text.partition("/")
    matches = all_of([_range(ports, packet), packet.protocol(protocol)])
    return Rule(f"zone {zone}: port {text}", matches, Action.ACCEPT)


def _range(text: str, packet: Packet) -> Match:
    low, _, high = text.partition("-")
    try:
        return packet.port(int(low), int(high or low))
    except ValueError:
        return Match.OPAQUE


def _service(zone: str, name: str, packet: Packet) -> Rule:
    return Rule(f"zone {zone}: service {name}", _has_service(name, packet), Action.ACCEPT)


def _has_service(name: str, packet: Packet) -> Match:
    return Match.NO if name in OTHER_SERVICES and packet.flow.port in ASKED else Match.OPAQUE


def _protocol(zone: str, name: str, packet: Packet) -> Rule:
    return Rule(f"zone {zone}: protocol {name}", packet.protocol(name), Action.ACCEPT)


def _rich(zone: str, text: str, packet: Packet) -> Rule:
    """Read a rule of firewalld.richlanguage(5)."""
    try:
        words = shlex.split(text)[1:]
    except ValueError:
        words = ["?"]
    named = dict(word.split("=", 1) for word in words if "=" in word)
    actions = [ACTIONS[word] for word in words if word in ACTIONS]
    matches = [_word(word, named, packet) for word in words if "=" not in word and word not in ACTIONS]
    return Rule(f"zone {zone}: {text}", all_of([_family(named, packet), *matches]), (actions or [Action.OPAQUE])[0])


def _family(named: dict[str, str], packet: Packet) -> Match:
    return yes_if(named.get("family", "both") in ("both", "ipv6" if packet.ipv6 else "ipv4"))


def _word(word: str, named: dict[str, str], packet: Packet) -> Match:
    """Judge one element of a rich rule; what stands before and after it with ``=`` is in ``named``."""
    if word in ("log", "audit", "nflog"):
        return Match.YES
    if word in ("source", "destination", "limit", "NOT"):
        return Match.DEPENDS
    if word == "port":
        return all_of([_range(named.get("port", ""), packet), packet.protocol(named.get("protocol", ""))])
    if word == "service":
        return _has_service(named.get("name", ""), packet)
    if word == "protocol":
        return packet.protocol(named.get("value", ""))
    return Match.NO if word in ("icmp-block", "icmp-type", "masquerade") else Match.OPAQUE
