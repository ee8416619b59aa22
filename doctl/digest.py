"""What a report comes to: counts, the verdict in a line, the order to read it in, what to do next; and its cleaning."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Final

from doctl.printable import printable
from doctl.report import WORST_FIRST, Finding, Host, Report, Status

PROBLEMS: Final = (Status.FAIL, Status.UNKNOWN, Status.WARN)
WORDS: Final = {
    Status.FAIL: "failed",
    Status.UNKNOWN: "not determined",
    Status.WARN: "warning",
    Status.PASS: "passed",
    Status.SKIP: "skipped",
}
LONGEST_TEXT: Final = 2000
MOST_ITEMS: Final = 1000
DEEPEST: Final = 8
IN_THE_WAY: Final = ("captive_portal", "auth_required")
"""Reasons that bring many others about: what is behind them cannot be judged before they are gone."""
ONE_CAUSE: Final = (*IN_THE_WAY, "dns_failed", "tls_intercepted")
"""Reasons that have one cause and one remedy, however many findings of however many checks have them."""


def counts(findings: Iterable[Finding]) -> dict[Status, int]:
    """Return how many findings have each status, the worst first, those that do not occur with 0."""
    seen = Counter(finding.status for finding in findings)
    return {status: seen[status] for status in WORST_FIRST}


def headline(report: Report) -> str:
    """Return the verdict in a few words: ``2 failed, 1 not determined, 2 warnings, 14 passed``."""
    parts = [counted(number, status) for status, number in counts(report.findings).items() if number]
    return ", ".join(parts if was_tested(report) else ["nothing was tested", *parts])


def was_tested(report: Report) -> bool:
    """Say whether anything was looked at: whether there is more than what was skipped."""
    return any(finding.status is not Status.SKIP for finding in report.findings)


def counted(number: int, status: Status) -> str:
    """Return a number of findings in words: ``2 warnings``, ``1 not determined``."""
    plural = "s" if status is Status.WARN and number != 1 else ""
    return f"{number} {WORDS[status]}{plural}"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings by status, the worst first, and otherwise as they were."""
    return sorted(findings, key=lambda finding: WORST_FIRST.index(finding.status))


def by_area(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Return the findings of each area, worst first; the area with the worst finding comes first."""
    areas: dict[str, list[Finding]] = {}
    for finding in worst_first(findings):
        areas.setdefault(finding.area, []).append(finding)
    return areas


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and the findings that it answers, the worst of them first."""

    remedy: str
    findings: tuple[Finding, ...]


def next_steps(findings: Iterable[Finding], most: int = 3) -> list[Step]:
    """Return the most useful things to do, the most useful first.

    Findings with one cause (ONE_CAUSE, else the same id and reason), and those with the same remedy, are answered by
    one step, which has the remedy of the worst. A failure comes before what is not determined and that before a
    warning; among equals what stands in the way of the rest (IN_THE_WAY), then what answers most findings.
    """
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in worst_first(findings):
        if finding.status in PROBLEMS and finding.remedy:
            kinds.setdefault(_kind(finding), []).append(finding)
    steps: dict[str, list[Finding]] = {}
    for kind in kinds.values():
        steps.setdefault(kind[0].remedy, []).extend(kind)
    ranked = sorted(steps.items(), key=lambda step: _rank(step[1]))
    return [Step(remedy, tuple(answered)) for remedy, answered in ranked[:most]]


def _kind(finding: Finding) -> tuple[str, str]:
    return ("" if finding.reason in ONE_CAUSE else finding.id), finding.reason


def _rank(answered: Sequence[Finding]) -> tuple[int, bool, int]:
    in_the_way = any(finding.reason in IN_THE_WAY for finding in answered)
    return PROBLEMS.index(answered[0].status), not in_the_way, -len(answered)


def cleaned(report: Report) -> Report:
    """Return the report with every text in it safe to show and every fact a bounded JSON value."""
    host = Host(printable(report.host.name), printable(report.host.platform))
    return replace(report, host=host, findings=tuple(_clean_finding(finding) for finding in report.findings))


def _clean_finding(finding: Finding) -> Finding:
    return replace(
        finding,
        area=printable(finding.area),
        target=printable(finding.target),
        reason=printable(finding.reason),
        summary=printable(finding.summary, LONGEST_TEXT),
        facts={printable(str(name)): _clean_fact(value, DEEPEST) for name, value in finding.facts.items()},
        remedy=printable(finding.remedy, LONGEST_TEXT),
        reference=printable(finding.reference),
        duration_s=round(finding.duration_s, 3),
    )


def _clean_fact(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if depth and isinstance(value, Mapping):
        return {printable(str(k)): _clean_fact(v, depth - 1) for k, v in list(value.items())[:MOST_ITEMS]}
    if depth and isinstance(value, list | tuple):
        return [_clean_fact(item, depth - 1) for item in value[:MOST_ITEMS]]
    return printable(str(value), LONGEST_TEXT)
