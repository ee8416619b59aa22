"""The report as a table for people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from doctl.output import View
    from doctl.report import Report


def render(report: "Report", _view: "View") -> str:
    """Return the report as lines of text."""
    lines = [f"{f.status:7} {f.id} {f.target} {f.reason}: {f.summary}" for f in report.findings]
    return "\n".join([*lines, f"{report.command}: {report.status}", ""])
