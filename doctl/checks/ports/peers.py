"""Whether a peer can be reached, and whether what answers there behaves like Delivery Optimization."""

import enum
import secrets
from typing import TYPE_CHECKING, Final

from doctl.checks.ports import families, remedies
from doctl.checks.ports.local import AREA, PAGE
from doctl.endpoints import Address
from doctl.net.probe import Attempt, Outcome, Reach, reach
from doctl.printable import printable
from doctl.report import Finding, Status
from doctl.wire.messages import PEER_ID_SIZE, PROTOCOL_NAME, Handshake

if TYPE_CHECKING:
    from doctl.net.base import Network

MARK: Final = bytes([len(PROTOCOL_NAME)]) + PROTOCOL_NAME
"""How every handshake begins."""


class Manner(enum.StrEnum):
    """How the other side took the handshake of a swarm that nobody has."""

    CONFIRMED = "confirmed"
    """It answered with a handshake of its own: an MS-DO peer."""
    CONSISTENT = "consistent"
    """It said nothing or closed, as a peer does that has no such swarm; so do many others."""
    OTHER = "other"
    """It said something else."""


async def outbound(network: "Network", target: Address, timeout: float) -> Finding:
    """Connect to ``target`` and greet it as a peer would."""
    start = network.now()
    greeting = Handshake(secrets.token_bytes(32), secrets.token_bytes(PEER_ID_SIZE)).encode()
    reached = await reach(network, target, timeout, greeting)
    return finding(reached, network.now() - start, network.platform)


def manner_of(attempt: Attempt) -> Manner:
    """Judge the first words of whoever was connected to."""
    said = attempt.said or b""
    if said.startswith(MARK):
        return Manner.CONFIRMED
    return Manner.CONSISTENT if MARK.startswith(said) else Manner.OTHER


def finding(reached: Reach, duration_s: float, platform: str) -> Finding:
    """Judge one target."""
    opened = [attempt for attempt in reached.attempts if attempt.outcome is Outcome.OPEN]
    status, reason = families.decided(families.by_family(reached.attempts).values())
    strangers = [attempt for attempt in opened if manner_of(attempt) is Manner.OTHER]
    if strangers:
        status, reason = Status.FAIL, "other_service"
    return Finding(
        id="ports.7680.outbound",
        area=AREA,
        target=printable(str(reached.target), 300),
        status=status,
        reason=reason,
        summary=_summary(reached, strangers),
        facts={**families.facts(reached), **_manner_facts(opened)},
        remedy="" if status is Status.PASS else remedies.of_target(REMEDIES[reason], reached.target, platform),
        reference=PAGE,
        duration_s=round(duration_s, 3),
    )


REMEDIES: Final = {
    "refused": "On {host}: Start-Service DoSvc; and see that its firewall accepts rather than rejects TCP {port}",
    "filtered": "Allow TCP {port} from here to {host} on that machine and on every firewall between the two",
    "unreachable": "Look at the route to that machine, and for a router or firewall that rejects: {trace}",
    "dns_failed": "Let this machine's name servers resolve it, or correct the name; test: {look_up}",
    "other_service": "Another program has that port; on {host}: Get-NetTCPConnection -LocalPort {port}",
}


def _summary(reached: Reach, strangers: list[Attempt]) -> str:
    if not reached.attempts:
        return printable(reached.problem, 300)
    outcome = families.told(families.by_family(reached.attempts))
    if strangers:
        return f"{outcome}, but it is no peer: it says {printable(repr(strangers[0].said)[1:], 80)}"
    manners = {manner_of(attempt) for attempt in reached.attempts if attempt.outcome is Outcome.OPEN}
    if Manner.CONFIRMED in manners:
        return f"{outcome}; a peer answers"
    if manners:
        return f"{outcome}; consistent with Delivery Optimization, not proof"
    return outcome


def _manner_facts(opened: list[Attempt]) -> dict[str, object]:
    if not opened:
        return {"peer": None}
    manners = [manner_of(attempt) for attempt in opened]
    worst = next(one for one in (Manner.OTHER, Manner.CONFIRMED, Manner.CONSISTENT) if one in manners)
    said = next((printable(repr(one.said)[2:-1], 200) for one in opened if one.said), "")
    return {"peer": worst, "said": said, "closed": all(one.closed for one in opened)}
