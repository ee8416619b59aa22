"""Reads what ``iptables-save`` and ``ip6tables-save`` print and says what those rules do with a connection.

The options are those of iptables(8) and iptables-extensions(8). A match or target that is not known here may go either
way.
"""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from doctl.net.firewall import Ruling
from doctl.net.firewall.chains import Action, Chain, Match, Rule, all_of, any_of, ends_of, opposite, ruling
from doctl.net.firewall.packet import Packet

TOOL: Final = "iptables"
BASES: Final = {
    "in": {"raw": ["PREROUTING"], "mangle": ["PREROUTING", "INPUT"], "nat": ["PREROUTING", "INPUT"]},
    "out": {"raw": ["OUTPUT"], "mangle": ["OUTPUT", "POSTROUTING"], "nat": ["OUTPUT"]},
}
"""The chains of each table that a new connection passes; filter and security have one each, INPUT or OUTPUT."""
ACTIONS: Final = {
    "ACCEPT": Action.ACCEPT,
    "DROP": Action.DROP,
    "REJECT": Action.DROP,
    "RETURN": Action.RETURN,
    **dict.fromkeys(("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "MARK", "CONNMARK", "SECMARK"), Action.PASS),
    **dict.fromkeys(("CONNSECMARK", "CLASSIFY", "CHECKSUM", "DSCP", "TOS", "TTL", "HL", "TCPMSS", "SET"), Action.PASS),
}
BY_MOMENT: Final = {
    *("limit", "hashlimit", "recent", "set", "connlimit", "statistic", "time", "owner", "mac", "quota", "iprange"),
    *("connbytes", "length", "dscp", "tos", "ttl", "hl", "geoip", "cgroup", "helper"),
}
"""Match extensions whose answer depends on the sender or the moment, whatever their options say."""
NEVER: Final = {"rt", "frag", "hbh", "dst", "ah", "esp", "sctp", "dccp", "icmp", "icmp6", "igmp", "mh"}
"""Match extensions for headers that the first packet of a TCP or UDP connection does not have."""


@dataclass(slots=True)
class Tables:
    """What was read: each table's chains as lines of options, and the policies of base chains."""

    rules: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    policies: dict[tuple[str, str], str] = field(default_factory=dict)


def read(text: str) -> Tables:
    """Return the tables in the output of ``iptables-save``; comments and counters are left out."""
    tables = Tables()
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            tables.rules.setdefault(table, {})
        elif line.startswith(":") and len(words := line[1:].split()) >= 2:
            tables.rules.setdefault(table, {}).setdefault(words[0], [])
            tables.policies[table, words[0]] = words[1]
        elif line.startswith("-A ") and len(words := line.split(None, 2)) == 3:
            tables.rules.setdefault(table, {}).setdefault(words[1], []).append(words[2])
    return tables


def judge(text: str, packet: Packet) -> Ruling:
    """Return what the rules in ``text`` do with ``packet``, which must be of the family that the rules are for."""
    tables = read(text)
    found = []
    for table in tables.rules:
        chains = _chains(tables, table, packet)
        bases = BASES[packet.flow.direction].get(table, ["INPUT" if packet.inbound else "OUTPUT"])
        found += [ends_of(chains[base], chains) for base in bases if base in chains]
    return ruling(TOOL, found)


def _chains(tables: Tables, table: str, packet: Packet) -> dict[str, Chain]:
    chains: dict[str, Chain] = {}
    for name, lines in tables.rules[table].items():
        where = f"{table} {name}"
        rules = [replace(_rule(line, packet), where=where) for line in lines]
        policy = tables.policies.get((table, name), "-")
        action = ACTIONS.get(policy, Action.OPAQUE)
        end = Rule(f"policy {policy}", Match.YES, action, where=where, is_policy=True)
        chains[name] = Chain(rules, None if policy == "-" else end)
    return chains


def _rule(line: str, packet: Packet) -> Rule:
    try:
        return _parsed(line, iter(shlex.split(line)), packet)
    except (ValueError, KeyError, IndexError, StopIteration):
        return Rule(line, Match.OPAQUE, Action.OPAQUE)


def _parsed(text: str, words: Iterator[str], packet: Packet) -> Rule:
    """Read a rule: its options, each extension with its own, and at the end the target."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    action, target = Action.PASS, ""
    for word in words:
        if word == "-m":
            parts.append((next(words), []))
        elif word == "--comment":
            next(words)
        elif word in ("-j", "-g"):
            target = next(words)
            action = ACTIONS.get(target, Action.GOTO if word == "-g" else Action.JUMP)
            break  # what follows are the target's own options
        else:
            parts[-1][1].append(word)
    return Rule(text, all_of(_part(name, options, packet) for name, options in parts), action, target)


def _part(name: str, words: list[str], packet: Packet) -> Match:
    """Judge one extension's options; those without an extension have the name ``""``."""
    if name in BY_MOMENT:
        return Match.DEPENDS
    if name in NEVER:
        return Match.NO
    return all_of(_condition(option, packet) for option in _options(words))


def _options(words: list[str]) -> list[list[str]]:
    """Return each option with its values, and before it the ``!`` that negates it."""
    options: list[list[str]] = []
    for word in words:
        if word == "!" or (word.startswith("-") and options[-1:] != [["!"]]):
            options.append([word])
        elif not options:
            raise ValueError(f"a value without an option: {word}")
        else:
            options[-1].append(word)
    return options


def _condition(option: list[str], packet: Packet) -> Match:
    if option[0] == "!":
        return opposite(_condition(option[1:], packet))
    judge_values = OPTIONS.get(option[0])
    return judge_values(packet, option[1:]) if judge_values else Match.OPAQUE


def _ports(text: str) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    return int(low or 0), int(high or 65535) if colon else int(low)


def _any(judge_one: Callable[[Packet, str], Match]) -> Callable[[Packet, list[str]], Match]:
    """Make a judge of comma-separated lists from one of their members."""
    return lambda packet, values: any_of(judge_one(packet, one) for one in values[0].split(","))


_DESTINATION = _any(lambda packet, value: packet.port(*_ports(value)))
_SOURCE = _any(lambda packet, value: packet.source_port(*_ports(value)))
_STATE = _any(lambda packet, value: packet.state(value))
OPTIONS: Final[dict[str, Callable[[Packet, list[str]], Match]]] = {
    "-p": lambda packet, values: packet.protocol(values[0]),
    "-s": lambda packet, values: packet.address(values[0]),
    "-d": lambda packet, values: packet.address(values[0]),
    "-i": lambda packet, values: packet.interface(values[0]),
    "-o": lambda packet, values: packet.interface(values[0]),
    "--dport": _DESTINATION,
    "--dports": _DESTINATION,
    "--sport": _SOURCE,
    "--sports": _SOURCE,
    "--state": _STATE,
    "--ctstate": _STATE,
    "--dst-type": _any(lambda packet, value: packet.destination_kind(value)),
    "--src-type": _any(lambda packet, value: packet.source_kind(value)),
    "--tcp-flags": lambda packet, values: packet.flags(values[0].split(","), _flags(values[1])),
}
"""What each option that is understood says of a packet."""


def _flags(text: str) -> list[str]:
    return [] if text == "NONE" else text.split(",")
