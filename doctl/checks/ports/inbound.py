"""Whether the outside reaches this machine on 7680, by what a reflector found when it connected back."""

from collections.abc import Sequence
from typing import Final

from doctl.checks.ports import families, remedies
from doctl.checks.ports.local import AREA, HERE, PAGE, flow_facts
from doctl.checks.ports.reflection import Reflected, Reflection
from doctl.endpoints import PEER_PORT
from doctl.net.firewall import Direction, Flow, Ruling, Verdict
from doctl.printable import printable
from doctl.report import Finding, Status

FLOW: Final = Flow("tcp", PEER_PORT, Direction.IN)


def not_asked() -> Finding:
    """Return the finding where no reflector was named."""
    return Finding(
        id="ports.7680.inbound",
        area=AREA,
        target=HERE,
        status=Status.SKIP,
        reason="no_reflector",
        summary="Nobody outside was asked to connect to this machine.",
        remedy="doctl ports --reflector URL, with the URL of a doctl coordinator on the network that peers are on",
        reference=PAGE,
    )


def finding(reflected: Reflected, rulings: Sequence[Ruling], platform: str, duration_s: float) -> Finding:
    """Judge what the reflector said."""
    outcomes = {one.family: one.answer.outcome for one in reflected.reflections if one.answer}
    status, reason = _decided(reflected, outcomes)
    return Finding(
        id="ports.7680.inbound",
        area=AREA,
        target=HERE,
        status=status,
        reason=reason,
        summary=_summary(reflected, outcomes, reason),
        facts=_facts(reflected, rulings),
        remedy=_remedy(status, reason, rulings, platform),
        reference=PAGE,
        duration_s=round(duration_s, 3),
    )


def _decided(reflected: Reflected, outcomes: dict[str, str]) -> tuple[Status, str]:
    if not outcomes:
        return Status.UNKNOWN, "no_reflector"
    if any(one.answer.nonce_matched is False for one in reflected.reflections if one.answer):
        return Status.FAIL, "other_service"
    return families.decided(outcomes.values())


def _summary(reflected: Reflected, outcomes: dict[str, str], reason: str) -> str:
    if not outcomes:
        problems = [reflected.problem, *(one.problem for one in reflected.reflections)]
        return f"The reflector did not answer: {printable('; '.join(filter(None, problems)), 300)}"
    addresses = ", ".join(printable(one.answer.address, 60) for one in reflected.reflections if one.answer)
    told = f"From outside, at {addresses}: {families.told(outcomes)}"
    if reason == "other_service":
        return f"{told}: somebody else answers there, a router with that public address perhaps"
    if reflected.listener == "temporary":
        return f"{told}; nobody listens on 7680 here, so doctl answered for the time of the check"
    return told


def _facts(reflected: Reflected, rulings: Sequence[Ruling]) -> dict[str, object]:
    known: dict[str, object] = {one.family: _one(one) for one in reflected.reflections}
    return {
        "reflector": printable(reflected.url, 300),
        "listener": reflected.listener,
        **known,
        **flow_facts(FLOW, rulings),
    }


def _one(reflection: Reflection) -> dict[str, object]:
    if reflection.answer is None:
        return {"outcome": None, "problem": printable(reflection.problem, 300)}
    answer = reflection.answer
    return {
        "outcome": answer.outcome,
        "address": printable(answer.address, 100),
        "nonce_matched": answer.nonce_matched,
        "duration_s": round(answer.duration_s, 3),
    }


def _remedy(status: Status, reason: str, rulings: Sequence[Ruling], platform: str) -> str:
    if status is Status.PASS:
        return ""
    if reason in ("no_reflector", "other_service"):
        return REMEDIES[reason]
    command = remedies.open_port(rulings, (Verdict.BLOCKED, Verdict.LIMITED))
    return command or REMEDIES.get(reason) or remedies.listen(platform)


REMEDIES: Final = {
    "filtered": "Allow TCP 7680 inbound on the firewalls and routers between the reflector and this machine",
    "unreachable": "A router or firewall in between rejects TCP 7680: allow it there, and look at the route back",
    "other_service": "Forward TCP 7680 to this machine on that router, or put the reflector inside the same network",
    "no_reflector": "Start one where it can reach this machine, doctl coordinator --listen ADDR:PORT, and give its URL",
}
