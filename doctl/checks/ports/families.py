"""What the outcomes over IPv4 and IPv6 come to together, and how they are told."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from doctl.net.probe import Attempt, Outcome, Reach
from doctl.printable import printable
from doctl.report import Status

NAMES: Final = {"ipv4": "IPv4", "ipv6": "IPv6"}
NO_ADDRESS: Final = "no_address"
"""What a family is said to be in the facts where the target has no address of it."""


def decided(outcomes: Iterable[str]) -> tuple[Status, str]:
    """Return the status and the reason that ``outcomes``, one for each family, come to.

    One open family is enough, since peers use either. The other one is worth a warning where something is in its way,
    and none where this machine simply has no way to it, as on every network that has only one of the two.
    """
    seen = set(outcomes)
    if not seen:
        return Status.FAIL, "dns_failed"
    worst = next((one for one in (Outcome.FILTERED, Outcome.REFUSED) if one in seen), None)
    if Outcome.OPEN not in seen:
        return Status.FAIL, worst or Outcome.UNREACHABLE
    return (Status.WARN, worst) if worst else (Status.PASS, Outcome.OPEN)


MEANING: Final = {
    "refused": "nobody listens, or a firewall rejects",
    "filtered": "no answer: a firewall drops it, or nothing is there",
    "unreachable": "the network says that there is no way",
}


def told(outcomes: Mapping[str, str]) -> str:
    """Return outcomes by family in words: ``open over IPv4, filtered over IPv6 (no answer ...)``."""
    by_outcome: dict[str, list[str]] = {}
    for family in sorted(outcomes):
        by_outcome.setdefault(outcomes[family], []).append(NAMES[family])
    words = ", ".join(f"{outcome} over {' and '.join(names)}" for outcome, names in by_outcome.items())
    meaning = MEANING.get(decided(outcomes.values())[1], "")
    return f"{words} ({meaning})" if meaning else words


def by_family(attempts: Sequence[Attempt]) -> dict[str, str]:
    """Return the outcome of each attempt by its family."""
    return {attempt.family: str(attempt.outcome) for attempt in attempts}


def facts(reach: Reach) -> dict[str, object]:
    """Return what is known of a target as JSON values."""
    known: dict[str, object] = dict.fromkeys(NAMES, NO_ADDRESS)
    known |= by_family(reach.attempts)
    known["attempts"] = [_attempt(attempt) for attempt in reach.attempts]
    return known


def _attempt(attempt: Attempt) -> dict[str, object]:
    return {
        "address": printable(attempt.address, 100),
        "outcome": attempt.outcome,
        "duration_s": round(attempt.duration_s, 3),
        "detail": printable(attempt.detail, 200),
    }
