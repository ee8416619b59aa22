"""Follows a new connection through chains of rules: what can become of it, and which rules decide.

A rule's conditions are already judged against the connection when it comes here, so that nftables, iptables and ufw,
which differ only in how they write rules, share this walk.
"""

import enum
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from doctl.net.firewall import EVIDENCE, Ruling, Verdict, decide
from doctl.printable import printable

DEEPEST: Final = 32
"""Chains within chains; the kernel itself allows 16 jumps."""
MOST_STEPS: Final = 200_000
"""Rules looked at in one walk; more than any ruleset that a person could still read."""


class Match(enum.IntEnum):
    """Whether a rule's conditions hold for the connection."""

    YES = 0
    DEPENDS = 1
    """It depends on the sender, the interface or the moment."""
    OPAQUE = 2
    """Something here is not understood."""
    NO = 3


def all_of(matches: Iterable[Match]) -> Match:
    """Return whether all conditions hold."""
    return max(matches, default=Match.YES)


def any_of(matches: Iterable[Match]) -> Match:
    """Return whether at least one condition holds."""
    seen = set(matches)
    if Match.YES in seen:
        return Match.YES
    return max(seen - {Match.NO}, default=Match.NO)


def opposite(match: Match) -> Match:
    """Return whether the condition does not hold."""
    return {Match.YES: Match.NO, Match.NO: Match.YES}.get(match, match)


class Action(enum.Enum):
    """What a rule does with a connection that it matches."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    PASS = "pass"  # noqa: S105 - the next rule's turn, not a password
    OPAQUE = "something not understood"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its text to quote, whether it matches, what it does, and for jumps to which chain.

    ``where`` names the chain that it stands in; ``is_policy`` marks what is no rule but happens where none decides.
    """

    text: str
    match: Match
    action: Action
    target: str = ""
    where: str = ""
    is_policy: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order. ``policy`` is what becomes of a connection that reaches the end of a base chain.

    ``entered`` is not YES where a base chain sees only some connections, those of one interface for example.
    """

    rules: Sequence[Rule]
    policy: Rule | None = None
    entered: Match = Match.YES


@dataclass(frozen=True, slots=True)
class End:
    """One place where a walk can end: what is done there, by which rule, and how surely it is got to."""

    action: Action
    rule: Rule
    reached: Match


@dataclass(slots=True)
class _Walk:
    chains: Mapping[str, Chain]
    ends: list[End] = field(default_factory=list)
    steps: int = 0

    def follow(self, chain: Chain, reached: Match, depth: int = 0) -> Match:
        """Go through ``chain`` from a start that is ``reached`` and return how surely its end is; NO for never."""
        left = Match.NO
        for rule in chain.rules:
            if rule.match is Match.NO or rule.action is Action.PASS:
                continue
            here = max(reached, rule.match)
            behind = self.apply(rule, here, depth)
            if rule.action in (Action.RETURN, Action.GOTO):
                left, behind = _merged(left, behind), Match.NO
            reached = behind if rule.match is Match.YES else _merged(here, behind)
            if reached is Match.NO:
                return left
        return _merged(left, reached)

    def apply(self, rule: Rule, here: Match, depth: int = 0) -> Match:
        """Note what ``rule`` does and return how surely the connection is still on its way after it."""
        self.steps += 1
        if rule.action in (Action.ACCEPT, Action.DROP):
            self.ends.append(End(rule.action, rule, here))
            return Match.NO
        if rule.action is Action.RETURN:
            return here
        target = self.chains.get(rule.target)
        if rule.action is Action.OPAQUE or target is None or depth >= DEEPEST or self.steps > MOST_STEPS:
            self.ends += [End(action, rule, Match.OPAQUE) for action in (Action.ACCEPT, Action.DROP)]
            return Match.OPAQUE
        return self.follow(target, here, depth + 1)


def _merged(one: Match, other: Match) -> Match:
    """Return how surely a place is got to that two ways lead to."""
    return max({one, other} - {Match.NO}, default=Match.NO)


def ends_of(base: Chain, chains: Mapping[str, Chain]) -> list[End]:
    """Return every end that a connection entering ``base`` can come to; ``chains`` are those that rules jump to."""
    walk = _Walk(chains)
    behind = walk.follow(base, base.entered)
    if behind is not Match.NO and base.policy is not None:
        walk.apply(base.policy, behind)
    return walk.ends


def verdict_of(ends: Iterable[End]) -> Verdict:
    """Return what the ends of one base chain come to; no end at all lets everything pass."""
    ends = list(ends)
    actions = {end.action for end in ends}
    if actions <= {Action.ACCEPT}:
        return Verdict.ALLOWED
    if actions == {Action.DROP}:
        return Verdict.BLOCKED
    return Verdict.UNKNOWN if any(end.reached is Match.OPAQUE for end in ends) else Verdict.LIMITED


WHY: Final = {
    Verdict.ALLOWED: "the rules let it pass",
    Verdict.BLOCKED: "the rules block it",
    Verdict.LIMITED: "the rules let only some of it pass",
    Verdict.UNKNOWN: "a rule that doctl does not understand may decide",
}


def ruling(tool: str, bases: Iterable[Sequence[End]]) -> Ruling:
    """Return what ``tool`` says: every base chain, given by its ends, must let the connection pass."""
    judged = [(verdict_of(ends), ends) for ends in bases]
    verdict = decide([Verdict.ALLOWED, *(verdict for verdict, _ in judged)])
    telling = [end.rule for found, ends in judged if found is verdict for end in _telling(verdict, ends)]
    telling.sort(key=lambda rule: rule.is_policy)  # the rules before the policies
    why = WHY[verdict] if telling else "no rule is in its way"
    where = telling[0].where if telling else ""
    return Ruling(tool, verdict, why, quoted(map(str, telling)), where)


def _telling(verdict: Verdict, ends: Sequence[End]) -> list[End]:
    """Return the ends that explain ``verdict``."""
    return [end for end in ends if end.reached is Match.OPAQUE or verdict is not Verdict.UNKNOWN]


def quoted(texts: Iterable[str]) -> tuple[str, ...]:
    """Return rule texts as evidence: each once, few, short and clean."""
    few = itertools.islice(dict.fromkeys(texts), EVIDENCE)
    return tuple(printable(" ".join(text.split()), 300) for text in few)


def alternatives(cases: Mapping[str, Ruling]) -> Ruling:
    """Return one ruling of a tool from those for several cases, any of which may be met (``over IPv4``, ...)."""
    rulings = list(cases.values())
    evidence = quoted(text for one in rulings for text in one.evidence)
    verdicts = {one.verdict for one in rulings}
    worst = min(rulings, key=lambda one: one.verdict is not Verdict.BLOCKED)
    if len(verdicts) == 1:
        return Ruling(worst.tool, worst.verdict, worst.why, evidence, worst.where)
    verdict = Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.LIMITED
    why = ", ".join(f"{one.verdict} {case}" for case, one in cases.items())
    return Ruling(worst.tool, verdict, why, evidence, worst.where)


def in_both_families(judge: Callable[[bool], Ruling]) -> Ruling:
    """Return one ruling from those that ``judge`` gives for IPv4 (False) and IPv6 (True)."""
    return alternatives({"over IPv4": judge(False), "over IPv6": judge(True)})
