"""Reads what ``ufw status verbose`` prints (ufw(8)) and says what its rules do with a connection."""

import re
from typing import Final

from doctl.net.firewall import Flow, Ruling, Verdict
from doctl.net.firewall.chains import Action, Chain, Match, Rule, all_of, any_of, ends_of, in_both_families, ruling
from doctl.net.firewall.packet import Packet

TOOL: Final = "ufw"
ROW: Final = re.compile(r"(?P<to>\S.*?) {2,}(?P<action>ALLOW|DENY|REJECT|LIMIT) (?P<way>IN|OUT) +(?P<sender>\S.*?) *")
POLICY: Final = {
    "in": r"Default:.*?(allow|deny|reject) \(incoming\)",
    "out": r"Default:.*?(allow|deny|reject) \(outgoing\)",
}
ACTIONS: Final = {"ALLOW": Action.ACCEPT, "LIMIT": Action.ACCEPT, "DENY": Action.DROP, "REJECT": Action.DROP}


def judge(text: str, flow: Flow) -> Ruling | None:
    """Return what ufw says about ``flow``, None where it is inactive."""
    if re.search(r"^Status: inactive$", text, re.MULTILINE):
        return None
    if not re.search(r"^Status: active$", text, re.MULTILINE):
        return Ruling(TOOL, Verdict.UNKNOWN, "ufw does not say whether it is active")
    return in_both_families(lambda ipv6: _family(text, Packet(flow, ipv6)))


def _family(text: str, packet: Packet) -> Ruling:
    rows = [match for line in text.splitlines() if (match := ROW.fullmatch(line.partition(" # ")[0]))]
    way = str(packet.flow.direction).upper()
    rules = [_rule(row, packet) for row in rows if row["way"] == way and ("(v6)" in row[0]) == packet.ipv6]
    policy = re.search(POLICY[packet.flow.direction], text)
    action = Action.OPAQUE if policy is None else ACTIONS[policy[1].upper()]
    end = Rule(policy[0] if policy else "no default policy", Match.YES, action, is_policy=True)
    return ruling(TOOL, [ends_of(Chain(rules, end), {})])


def _rule(row: re.Match[str], packet: Packet) -> Rule:
    matches = [_destination(_plain(row["to"]), packet), _sender(_plain(row["sender"]), packet)]
    if row["action"] == "LIMIT":
        matches.append(Match.DEPENDS)
    return Rule(" ".join(row[0].split()), all_of(matches), ACTIONS[row["action"]])


def _plain(column: str) -> str:
    """Return a column without the names in brackets: ``(v6)``, application profiles."""
    return re.sub(r" *\([^()]*\)", "", column).strip()


def _destination(text: str, packet: Packet) -> Match:
    """Judge ``[ADDRESS] [PORTS[/PROTOCOL]] [on INTERFACE]`` or ``Anywhere``."""
    text, on, interface = text.partition(" on ")
    matches = [packet.interface(interface)] if on else []
    return all_of([*matches, *(_word(word, packet) for word in text.split())])


def _word(word: str, packet: Packet) -> Match:
    if word == "Anywhere":
        return Match.YES
    ports, _, protocol = word.partition("/")
    if re.fullmatch(r"[\d:,]+", ports) and protocol in ("", "tcp", "udp"):
        return all_of([any_of(_ports(ports, packet)), packet.protocol(protocol) if protocol else Match.YES])
    if protocol in ("", "tcp", "udp") and "." not in ports and ":" not in ports:
        return Match.OPAQUE  # the name of an application profile whose ports are not shown
    try:
        return packet.address(word)
    except ValueError:
        return Match.OPAQUE


def _ports(text: str, packet: Packet) -> list[Match]:
    ranges = [one.partition(":") for one in text.split(",")]
    return [packet.port(int(low), int(high or low)) for low, _, high in ranges]


def _sender(text: str, packet: Packet) -> Match:
    return Match.YES if text == "Anywhere" else max(Match.DEPENDS, _destination(text.split(maxsplit=1)[0], packet))
