"""What this machine itself says: who listens on 7680, and whether its own firewall lets peers in."""

from collections.abc import Sequence
from typing import Final

from doctl.checks.ports import remedies
from doctl.endpoints import PEER_PORT
from doctl.errors import LocalError
from doctl.net.firewall import Flow, Ruling, Verdict, decide
from doctl.net.listeners import Listening
from doctl.printable import printable
from doctl.report import Finding, Status

AREA: Final = "peers"
HERE: Final = f"*:{PEER_PORT}"
"""The target of what is looked at on this machine itself."""
PAGE: Final = "https://learn.microsoft.com/windows/deployment/do/waas-delivery-optimization-faq"


def listener_finding(listening: "Sequence[Listening] | LocalError", platform: str) -> Finding:
    """Judge who listens on TCP 7680."""
    status, reason, summary = _heard(listening, platform)
    known = [] if isinstance(listening, LocalError) else listening
    return Finding(
        id="ports.7680.listener",
        area=AREA,
        target=HERE,
        status=status,
        reason=reason,
        summary=summary,
        facts={
            "listeners": [{"address": one.address, "pid": one.pid, "process": one.process} for one in known],
            "loopback_only": bool(known) and all(one.loopback_only for one in known),
        },
        remedy=_listener_remedy(status, platform),
        reference=PAGE,
    )


def _listener_remedy(status: Status, platform: str) -> str:
    if status is Status.UNKNOWN:
        return remedies.with_rights(platform)
    return "" if status is Status.PASS else remedies.listen(platform)


def _heard(listening: "Sequence[Listening] | LocalError", platform: str) -> tuple[Status, str, str]:
    if isinstance(listening, LocalError):
        return Status.UNKNOWN, "not_testable", f"It cannot be told who listens: {printable(str(listening), 200)}"
    if not listening:
        status = Status.FAIL if platform == "win32" else Status.WARN  # only Windows has the service
        return status, "not_listening", "Nobody listens on TCP 7680: no peer can fetch from this machine."
    who = printable(", ".join(dict.fromkeys(_who(one) for one in listening)), 200)
    if all(one.loopback_only for one in listening):
        return Status.WARN, "not_listening", f"Listening on TCP 7680 for this machine alone: {who}"
    return Status.PASS, "open", f"Listening on TCP 7680: {who}"


def _who(one: Listening) -> str:
    address = f"[{one.address}]" if ":" in one.address else one.address
    name = one.process or "a process whose name is not told"
    return f"{name}{f' (pid {one.pid})' if one.pid else ''} at {address}"


def firewall_finding(rulings: Sequence[Ruling], platform: str) -> Finding:
    """Judge what the rules of this machine do with peers that connect to it."""
    verdict = decide(ruling.verdict for ruling in rulings)
    status, reason, words = JUDGED[verdict]
    return Finding(
        id="ports.7680.firewall",
        area=AREA,
        target=HERE,
        status=status,
        reason=reason,
        summary=f"{words}{_because(rulings, verdict)}",
        facts=firewall_facts(rulings),
        remedy=_remedy(rulings, verdict, platform),
        reference=PAGE,
    )


JUDGED: Final = {
    Verdict.ALLOWED: (Status.PASS, "open", "The local firewall lets peers in on TCP 7680"),
    Verdict.LIMITED: (Status.WARN, "limited", "The local firewall lets only some peers in on TCP 7680"),
    Verdict.BLOCKED: (Status.FAIL, "blocked_by_local_firewall", "The local firewall blocks TCP 7680 inbound"),
    Verdict.UNKNOWN: (Status.UNKNOWN, "not_testable", "It cannot be told what the local firewall does with TCP 7680"),
}
"""Status, reason and words of each verdict."""


def _because(rulings: Sequence[Ruling], verdict: Verdict) -> str:
    """Return who says so and on what grounds, in a clause."""
    telling = [ruling for ruling in rulings if ruling.verdict is verdict]
    if not telling:
        return ": no firewall tool is known here"
    grounds = "; ".join(f"{ruling.tool}: {_grounds(ruling)}" for ruling in telling)
    return f" ({printable(grounds, 300)})"


def _grounds(ruling: Ruling) -> str:
    return ruling.evidence[0] if ruling.evidence and ruling.verdict is Verdict.BLOCKED else ruling.why


def _remedy(rulings: Sequence[Ruling], verdict: Verdict, platform: str) -> str:
    if verdict is Verdict.UNKNOWN:
        return remedies.with_rights(platform)
    if verdict is Verdict.LIMITED:
        return f"If your peers are not among them: {remedies.open_port(rulings, (Verdict.LIMITED,))}"
    return remedies.open_port(rulings)


def firewall_facts(rulings: Sequence[Ruling]) -> dict[str, object]:
    """Return rulings as JSON values."""
    return {
        "verdict": decide(ruling.verdict for ruling in rulings),
        "rulings": [
            {"tool": one.tool, "verdict": one.verdict, "why": one.why, "evidence": list(one.evidence)}
            for one in rulings
        ],
    }


def flow_facts(flow: Flow, rulings: Sequence[Ruling]) -> dict[str, object]:
    """Return what the local firewall says about ``flow`` as one fact among others."""
    return {"local_firewall": {"flow": str(flow), **firewall_facts(rulings)}}
