"""The report as annotations for a pipeline's log, GitHub's or Azure DevOps', and as a summary in Markdown."""

import itertools
import re
from typing import TYPE_CHECKING, Final

from doctl.digest import PROBLEMS, cleaned, headline, worst_first
from doctl.report import Finding, Report, Status

if TYPE_CHECKING:
    from doctl.output import View

MOST_CHARACTERS: Final = 200_000
"""A step summary may hold 1 MiB, and a character takes up to four bytes."""
SYMBOLS: Final = {Status.PASS: "✅", Status.WARN: "⚠️", Status.UNKNOWN: "❓", Status.FAIL: "❌", Status.SKIP: "⏭️"}
MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


def render(report: Report, view: "View") -> str:
    """Return one annotation for each problem, then the verdict as a plain line."""
    annotate = _azure if view.azure else _github
    problems = [f for f in worst_first(report.findings) if f.status in PROBLEMS]
    lines = [annotate(finding, _is_error(finding, view)) for finding in problems]
    return "\n".join([*lines, f"doctl {report.command}: {report.status}: {headline(report)}", ""])


def _is_error(finding: Finding, view: "View") -> bool:
    return finding.status is Status.FAIL or (view.strict and finding.status is Status.WARN)


def _message(finding: Finding) -> str:
    remedy = f"\nRemedy: {finding.remedy}" if finding.remedy else ""
    return f"{finding.target + ': ' if finding.target else ''}{finding.summary}{remedy}"


def _github(finding: Finding, error: bool) -> str:
    title = _escaped(f"{finding.id} {finding.reason}", {"%": "%25", ":": "%3A", ",": "%2C"})
    message = _escaped(_message(finding), {"%": "%25", "\n": "%0A"})
    return f"::{'error' if error else 'warning'} title={title}::{message}"


def _azure(finding: Finding, error: bool) -> str:
    code = _escaped(f"{finding.id} {finding.reason}", {"%": "%AZP25", ";": "%3B", "]": "%5D"})
    message = _escaped(_message(finding), {"%": "%AZP25", "\n": "%0A"})
    return f"##vso[task.logissue type={'error' if error else 'warning'};code={code}]{message}"


def _escaped(text: str, codes: dict[str, str]) -> str:
    return "".join(codes.get(character, character) for character in text)


def summary(report: Report) -> str:
    """Return the report, cleaned, as Markdown, worst first: for the summary page of the run."""
    report = cleaned(report)
    rows = _fitting([_row(finding) for finding in worst_first(report.findings)])
    table = ["| | what | target | reason | finding |", "| --- | --- | --- | --- | --- |", *rows, ""] if rows else []
    missing = len(report.findings) - len(rows)
    more = [f"{missing} more findings did not fit here.", ""] if missing else []
    title = f"## {SYMBOLS[report.status]} doctl {report.command}: {report.status}"
    about = f"{headline(report)}, on {_markdown(report.host.name)} at {report.started}"
    return "\n".join([title, "", about, "", *table, *more])


def _fitting(rows: list[str]) -> list[str]:
    sizes = itertools.accumulate(len(row) for row in rows)
    return [row for row, size in zip(rows, sizes, strict=True) if size <= MOST_CHARACTERS]


def _row(finding: Finding) -> str:
    remedy = f"<br>**Remedy:** {_markdown(finding.remedy)}" if finding.remedy and finding.status in PROBLEMS else ""
    cells = [finding.id, finding.target, finding.reason, finding.summary]
    shown = " | ".join(_markdown(cell) for cell in cells)
    return f"| {SYMBOLS[finding.status]} {finding.status} | {shown}{remedy} |"


def _markdown(text: str) -> str:
    """Make ``text`` mean only itself: no markup, no HTML, no table cell of its own."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKDOWN.sub(r"\\\1", plain)
