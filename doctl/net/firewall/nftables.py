"""Reads the JSON of ``nft -j list ruleset`` and says what it does with a connection.

The shape is that of libnftables-json(5), schema version 1. Whatever is not understood there is a condition, or an
action, that may go either way.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from doctl.net.firewall import Flow, Ruling, Verdict
from doctl.net.firewall.chains import Action, Chain, End, Match, Rule, all_of, ends_of, in_both_families, ruling
from doctl.net.firewall.conditions import Sets, matches, member
from doctl.net.firewall.packet import Packet

TOOL: Final = "nftables"
HOOKS: Final = {"in": {"ingress", "prerouting", "input"}, "out": {"output", "postrouting", "egress"}}
ACTIONS: Final = {
    "accept": Action.ACCEPT,
    "drop": Action.DROP,
    "reject": Action.DROP,
    "return": Action.RETURN,
    "continue": Action.PASS,
    "masquerade": Action.ACCEPT,
    "snat": Action.ACCEPT,
}
NEUTRAL: Final = {"counter", "log", "mangle", "comment", "last", "secmark", "ct helper", "ct timeout", "ct expectation"}
CONDITIONS: Final = {"limit", "quota", "ct count", "meter"}
"""Statements that end a rule for some packets, by how many there were before."""

Table = tuple[str, str]
"""A table's family and name."""


@dataclass(slots=True)
class _Ruleset:
    chains: dict[Table, dict[str, dict[str, Any]]] = field(default_factory=dict)
    rules: dict[tuple[Table, str], list[dict[str, Any]]] = field(default_factory=dict)
    sets: dict[Table, dict[str, list[Any]]] = field(default_factory=dict)


@dataclass(slots=True)
class _Text:
    """What the JSON leaves out: the text of each rule by its table and handle, and the tables that are switched off."""

    rules: dict[tuple[Table, int], str] = field(default_factory=dict)
    dormant: set[Table] = field(default_factory=set)


def judge(listing: str, text: str, flow: Flow, ceded: Collection[Table] = ()) -> Ruling:
    """Return what the ruleset does with ``flow``.

    ``listing`` is the output of ``nft -j list ruleset`` and ``text`` that of ``nft -a list ruleset``; base
    chains of the tables ``ceded`` are left to another judge.
    """
    try:
        ruleset = _ruleset(json.loads(listing)["nftables"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Ruling(TOOL, Verdict.UNKNOWN, "the output of nft is not what doctl knows")
    shown = _text(text)
    return in_both_families(lambda ipv6: ruling(TOOL, _bases(ruleset, shown, Packet(flow, ipv6), ceded)))


def _ruleset(objects: list[dict[str, Any]]) -> _Ruleset:
    ruleset = _Ruleset()
    for entry in objects:
        for kind, thing in entry.items():
            if kind == "metainfo":
                continue
            table = (thing["family"], thing.get("table", thing.get("name")))
            if kind == "chain":
                ruleset.chains.setdefault(table, {})[thing["name"]] = thing
            elif kind == "rule":
                ruleset.rules.setdefault((table, thing["chain"]), []).append(thing)
            elif kind in ("set", "map"):
                ruleset.sets.setdefault(table, {})[thing["name"]] = thing.get("elem", [])
    return ruleset


def _text(listing: str) -> _Text:
    found = _Text()
    table = ("", "")
    for line in listing.splitlines():
        words = line.split()
        if line.startswith("table ") and len(words) > 2:
            table = (words[1], words[2])
        elif line.startswith("\tflags ") and "dormant" in line:
            found.dormant.add(table)
        elif match := re.fullmatch(r"\t\t(.+) # handle (\d{1,18})", line):
            found.rules[table, int(match[2])] = match[1]
    return found


def _bases(ruleset: _Ruleset, text: _Text, packet: Packet, ceded: Collection[Table]) -> list[list[End]]:
    """Return the ends of each base chain that the packet passes."""
    found: list[list[End]] = []
    for table, chains in ruleset.chains.items():
        if table in text.dormant or table in ceded or not _carries(table[0], packet):
            continue
        reader = _Reader(table, ruleset.sets.get(table, {}), text, packet)
        known = {name: reader.chain(chain, ruleset.rules.get((table, name), [])) for name, chain in chains.items()}
        hooks = HOOKS[packet.flow.direction]
        found += [ends_of(known[name], known) for name, chain in chains.items() if chain.get("hook") in hooks]
    return found


def _carries(family: str, packet: Packet) -> bool:
    return family in ("inet", "netdev", "ip6" if packet.ipv6 else "ip")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns the chains of one table into chains judged for one packet."""

    table: Table
    sets: Sets
    text: _Text
    packet: Packet

    def chain(self, chain: Mapping[str, Any], rules: list[dict[str, Any]]) -> Chain:
        where = f"{' '.join(self.table)} {chain['name']}"
        read = [replace(one, where=where) for rule in rules for one in self._rules(rule)]
        policy = chain.get("policy")
        if policy is None:
            return Chain(read)
        action = ACTIONS.get(policy, Action.OPAQUE)
        entered = Match.DEPENDS if chain.get("hook") in ("ingress", "egress") else Match.YES
        return Chain(read, Rule(f"policy {policy}", Match.YES, action, where=where, is_policy=True), entered)

    def _rules(self, rule: Mapping[str, Any]) -> list[Rule]:
        """Read one rule; a verdict map makes several of it."""
        text = self.text.rules.get((self.table, rule.get("handle", -1)), json.dumps(rule.get("expr")))
        try:
            return self._statements(rule["expr"], text)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return [Rule(text, Match.OPAQUE, Action.OPAQUE)]

    def _statements(self, statements: list[dict[str, Any]], text: str) -> list[Rule]:
        conditions = [Match.YES]
        for statement in statements:
            [(name, value)] = statement.items()
            if name == "match":
                conditions.append(matches(value["op"], value["left"], value["right"], self.packet, self.sets))
            elif name in CONDITIONS or (name == "set" and value.get("stmt")):
                conditions.append(Match.DEPENDS)
            elif name == "vmap":
                return self._verdict_map(value, all_of(conditions), text)
            elif name not in NEUTRAL and name != "set":
                return [_verdict(statement, all_of(conditions), text)]
        return []

    def _verdict_map(self, vmap: Mapping[str, Any], reached: Match, text: str) -> list[Rule]:
        data = vmap["data"]
        elements = self.sets[data.removeprefix("@")] if isinstance(data, str) else data["set"]
        rules = []
        for key, verdict in sorted(elements, key=lambda element: bool(element[0] == "*")):  # the catch-all is the last
            here = max(reached, member(vmap["key"], [key], self.packet, self.sets))
            rules.append(_verdict(verdict, here, text))
        return rules


def _verdict(statement: Mapping[str, Any], match: Match, text: str) -> Rule:
    [(name, value)] = statement.items()
    if name in ("jump", "goto"):
        return Rule(text, match, Action(name), value["target"])
    return Rule(text, match, ACTIONS.get(name, Action.OPAQUE))
