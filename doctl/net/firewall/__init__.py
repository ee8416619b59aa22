"""What the local firewall's rules say about one kind of traffic, as frozen data, and how several opinions make one."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

EVIDENCE: Final = 8
"""How many rules are quoted at most for one ruling."""


class Direction(enum.StrEnum):
    """Which way a connection is opened, seen from this machine."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Flow:
    """A new connection from or to another machine: ``protocol`` is ``tcp`` or ``udp``, ``port`` the one it goes to."""

    protocol: str
    port: int
    direction: Direction

    def __str__(self) -> str:
        return f"{self.protocol.upper()} {self.port} {self.direction}"


class Verdict(enum.StrEnum):
    """What rules do with a flow."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    LIMITED = "limited"
    """Some of it passes: it depends on the sender, the interface or the moment."""
    UNKNOWN = "unknown"
    """The rules could not be read, or something that nobody here understands decides."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one ``tool`` (``nftables``, ``ufw``, ``windows``, ...) says, and the rules it rests on.

    ``evidence`` quotes at most ``EVIDENCE`` rules, cleaned and bounded; ``why`` is one clause for the summary;
    ``where`` is the chain, in the tool's own words, in which the first of those rules stands, if there are chains.
    """

    tool: str
    verdict: Verdict
    why: str
    evidence: tuple[str, ...] = ()
    where: str = ""


def decide(verdicts: Iterable[Verdict]) -> Verdict:
    """Return what several verdicts come to, each of which can stop the connection; UNKNOWN where there is none."""
    seen = set(verdicts)
    order = (Verdict.BLOCKED, Verdict.UNKNOWN, Verdict.LIMITED, Verdict.ALLOWED)
    return next((verdict for verdict in order if verdict in seen), Verdict.UNKNOWN)
