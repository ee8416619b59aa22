"""Whether UDP 3544 is open both ways, by asking a Teredo server; only some download modes need it."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from doctl.checks.ports.local import PAGE, flow_facts
from doctl.endpoints import TEREDO_PORT
from doctl.net.firewall import Direction, Flow, Ruling, Verdict, decide
from doctl.net.probe import Outcome
from doctl.net.teredo import DOCUMENTED, Asked, ask_in_turn
from doctl.printable import printable
from doctl.report import Finding, Status
from doctl.settings import MODES, TEREDO_MODES, Settings
from doctl.wire.qualification import Nat

if TYPE_CHECKING:
    from doctl.net.base import Network

AREA: Final = "teredo"
TARGET: Final = f"*:{TEREDO_PORT}"
OUTBOUND: Final = Flow("udp", TEREDO_PORT, Direction.OUT)
NAME: Final = f"UDP {TEREDO_PORT} (older pages call it TCP)"


class Judged(NamedTuple):
    """What the finding says."""

    status: Status
    reason: str
    summary: str
    remedy: str = ""


async def look(network: "Network", settings: Settings, timeout: float) -> Finding:
    """Ask the documented servers and the local firewall at once, where the download mode has a use for Teredo."""
    if settings.number("DODownloadMode") not in TEREDO_MODES:
        return not_needed(settings)
    start = network.now()
    asked, rulings = await asyncio.gather(
        ask_in_turn(network, DOCUMENTED, None, timeout, within=timeout), network.firewall(OUTBOUND, timeout)
    )
    return finding(asked[0], rulings, network.now() - start)


def not_needed(settings: Settings) -> Finding:
    """Return the finding in a download mode that uses no Teredo."""
    value = settings.values["DODownloadMode"]
    mode = f"download mode {value.value} ({MODES.get(int(value.value or 0), '?')}, from {value.where or value.origin})"
    return Finding(
        id="ports.3544.teredo",
        area=AREA,
        target=TARGET,
        status=Status.SKIP,
        reason="not_needed",
        summary=f"{NAME} was not tried: {mode} uses no Teredo, only Group and Internet do.",
        facts={"download_mode": value.value, "protocol": "udp"},
        remedy="doctl teredo tries it in any mode",
        reference=PAGE,
    )


def finding(asked: Asked, rulings: Sequence[Ruling], duration_s: float) -> Finding:
    """Judge what came of asking a server, and what the local rules say."""
    judged = _judged(asked, rulings)
    result = asked.result
    return Finding(
        id="ports.3544.teredo",
        area=AREA,
        target=TARGET,
        status=judged.status,
        reason=judged.reason,
        summary=f"{NAME}: {judged.summary}",
        facts={
            "protocol": "udp",
            "server": str(asked.server or asked.name),
            "nat": result.nat if result else None,
            "mapped": str(result.mapped) if result and result.mapped else None,
            **flow_facts(OUTBOUND, rulings),
        },
        remedy=judged.remedy,
        reference=PAGE,
        duration_s=round(duration_s, 3),
    )


def _judged(asked: Asked, rulings: Sequence[Ruling]) -> Judged:
    if asked.result is None:
        problem = f"no Teredo server could be asked: {printable(asked.problem, 200)}"
        status, reason = (Status.UNKNOWN, "not_testable") if asked.server else (Status.FAIL, "dns_failed")
        return Judged(status, reason, problem, MORE)
    if asked.result.nat is Nat.BLOCKED:
        return _blocked(asked, rulings)
    if asked.result.nat is None:
        return Judged(Status.WARN, "filtered", f"open to one address of {asked.name} and not to the other", MORE)
    if asked.result.nat is Nat.SYMMETRIC:
        return Judged(Status.WARN, "symmetric_nat", "open, but a symmetric NAT keeps Teredo from working", MORE)
    return Judged(Status.PASS, "open", f"open both ways to {asked.name}, through a NAT of the kind {asked.result.nat}")


def _blocked(asked: Asked, rulings: Sequence[Ruling]) -> Judged:
    if decide(ruling.verdict for ruling in rulings) is Verdict.BLOCKED:
        return Judged(Status.FAIL, "blocked_by_local_firewall", "the local firewall blocks it outbound", ALLOW)
    reason = asked.rejected or Outcome.FILTERED
    words = {
        Outcome.REFUSED: "refused (ICMP port unreachable)",
        Outcome.UNREACHABLE: "the network says there is no way",
    }
    return Judged(Status.FAIL, reason, words.get(reason, f"no answer from {asked.name}"), ALLOW)


ALLOW: Final = f"Allow UDP (not TCP) {TEREDO_PORT} outbound and what comes back, here and on the firewalls on the way"
MORE: Final = "doctl teredo -v says more"
