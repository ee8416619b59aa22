"""What the ports check itself knows of Teredo: whether the local firewall would let it out."""

from collections.abc import Sequence
from typing import Final

from doctl.checks.ports.local import PAGE, flow_facts
from doctl.endpoints import TEREDO_PORT
from doctl.net.firewall import Direction, Flow, Ruling, Verdict, decide
from doctl.report import Finding, Status

OUTBOUND: Final = Flow("udp", TEREDO_PORT, Direction.OUT)


def finding(rulings: Sequence[Ruling]) -> Finding:
    """Judge UDP 3544 outbound by the local rules; whether a server answers is not tried here."""
    blocked = decide(ruling.verdict for ruling in rulings) is Verdict.BLOCKED
    return Finding(
        id="ports.3544.teredo",
        area="teredo",
        target=f"*:{TEREDO_PORT}",
        status=Status.WARN if blocked else Status.SKIP,
        reason="blocked_by_local_firewall" if blocked else "not_testable",
        summary=BLOCKED if blocked else NOT_TRIED,
        facts=flow_facts(OUTBOUND, rulings),
        remedy="Allow UDP 3544 outbound, if the download mode is 2 (Group) or 3 (Internet)" if blocked else "",
        reference=PAGE,
    )


BLOCKED: Final = "The local firewall blocks UDP 3544 outbound: no Teredo, which only Group and Internet modes need."
NOT_TRIED: Final = "No Teredo server was asked (UDP 3544, which only Group and Internet modes need)."
