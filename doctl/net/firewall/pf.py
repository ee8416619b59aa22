"""Reads what ``pfctl -s rules`` prints (pf.conf(5)) and says what pf does with a connection.

In pf the last rule that matches decides, unless a matching rule is ``quick``; where none matches the packet passes.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Final

from doctl.net.firewall import Flow, Ruling, Verdict
from doctl.net.firewall.chains import Action, Chain, Match, Rule, all_of, ends_of, in_both_families, ruling
from doctl.net.firewall.packet import Packet, yes_if

TOOL: Final = "pf"
ACTIONS: Final = {"pass": Action.ACCEPT, "block": Action.DROP}
END: Final = Rule("no rule matches: pass", Match.YES, Action.ACCEPT, is_policy=True)
SILENT: Final = {
    *("all", "log", "(all)", "quick", "drop", "return", "return-rst", "return-icmp", "return-icmp6"),
    *("keep", "modulate", "synproxy", "no", "state"),
}
"""Words that say nothing about which first packet a rule matches."""
COMPARISONS: Final = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def judge(info: str, rules: str, flow: Flow) -> Ruling:
    """Return what pf does with ``flow``, from the output of ``pfctl -s info`` and ``pfctl -s rules``."""
    if info.startswith("Status: Disabled"):
        return Ruling(TOOL, Verdict.ALLOWED, "pf is off")
    if not info.startswith("Status: Enabled"):
        return Ruling(TOOL, Verdict.UNKNOWN, "pf does not say whether it is on")
    return in_both_families(lambda ipv6: _family(rules, Packet(flow, ipv6)))


def _family(text: str, packet: Packet) -> Ruling:
    lines = [line.strip() for line in text.splitlines() if line.startswith(("pass ", "block ", "anchor "))]
    quick = [line for line in lines if " quick " in f"{line} "]
    # the first matching quick rule decides, and where there is none the last one of the others
    ordered = quick + [line for line in reversed(lines) if line not in quick]
    return ruling(TOOL, [ends_of(Chain([_rule(line, packet) for line in ordered], END), {})])


def _rule(line: str, packet: Packet) -> Rule:
    action, *words = line.split()
    try:
        match = all_of(_conditions(iter(words), packet))
    except (ValueError, StopIteration):
        match = Match.OPAQUE
    return Rule(line, match, ACTIONS.get(action, Action.OPAQUE))


def _conditions(words: Iterator[str], packet: Packet) -> list[Match]:
    matches = []
    side = ""
    for word in words:
        if word in ("from", "to"):
            side = word
            matches.append(_host(next(words)))
        elif word == "port":
            matches.append(_port(next(words), words, packet) if side == "to" else Match.DEPENDS)
        elif word in VALUES:
            matches.append(VALUES[word](packet, next(words)))
        elif word in WORDS:
            matches.append(WORDS[word](packet))
        elif word not in SILENT:
            matches.append(Match.OPAQUE)
    return matches


def _flags(packet: Packet, value: str) -> Match:
    """Judge ``flags S/SA``, which is what a plain rule about TCP gets, or ``flags any``."""
    return packet.protocol("tcp") if value == "S/SA" else yes_if(value == "any")


def _anything(packet: Packet, value: str) -> Match:  # noqa: ARG001 - one of the judges in VALUES
    return Match.YES


WORDS: Final[dict[str, Callable[[Packet], Match]]] = {
    "in": lambda packet: yes_if(packet.inbound),
    "out": lambda packet: yes_if(not packet.inbound),
    "inet": lambda packet: yes_if(not packet.ipv6),
    "inet6": lambda packet: yes_if(packet.ipv6),
}
VALUES: Final[dict[str, Callable[[Packet, str], Match]]] = {
    "proto": lambda packet, value: packet.protocol(value),
    "on": lambda packet, value: packet.interface(value.replace("lo0", "lo")),
    "flags": _flags,
    "label": _anything,
    "tag": _anything,
    "queue": _anything,
}


def _host(text: str) -> Match:
    return Match.YES if text == "any" else Match.DEPENDS


def _port(first: str, words: Iterator[str], packet: Packet) -> Match:
    """Judge ``port = 7680``, ``port 7000:8000``, ``port != 22`` or ``port >= 1024``."""
    if first in COMPARISONS:
        return yes_if(COMPARISONS[first](packet.flow.port, int(next(words))))
    low, colon, high = first.partition(":")
    return packet.port(int(low), int(high)) if colon else packet.port(int(low), int(low))
