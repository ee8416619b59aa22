"""The report as a Nagios plugin prints it: a status line with performance data, then the problems."""

from typing import TYPE_CHECKING, Final

import nagiosplugin

from doctl.digest import PROBLEMS, counts, headline, worst_first
from doctl.report import Finding, Report, Status

if TYPE_CHECKING:
    from doctl.output import View

STATES: Final = {
    Status.PASS: nagiosplugin.Ok,
    Status.WARN: nagiosplugin.Warn,
    Status.FAIL: nagiosplugin.Critical,
    Status.UNKNOWN: nagiosplugin.Unknown,
}
THRESHOLDS: Final = {Status.FAIL: {"crit": "0"}, Status.WARN: {"warn": "0"}}


def render(report: Report, _view: "View") -> str:
    """Return the plugin's output; the state is the report's, since Nagios' own order puts UNKNOWN above CRITICAL."""
    check = nagiosplugin.Check(nagiosplugin.Results(nagiosplugin.Result(STATES[report.status], headline(report))))
    first = f"DOCTL {report.command.upper()} {str(check.state).upper()} - {check.summary_str}"
    problems = [_line(finding) for finding in worst_first(report.findings) if finding.status in PROBLEMS]
    return "\n".join([f"{first} | {_performance(report)}", *problems, ""])


def _line(finding: Finding) -> str:
    what = " ".join(part for part in (finding.id, finding.target, finding.reason) if part)
    remedy = f" -> {finding.remedy}" if finding.remedy else ""
    text = f"{str(STATES[finding.status]).upper()}: {what}: {finding.summary}{remedy}"
    return text.replace("|", "\N{BROKEN BAR}")  # after a bar Nagios reads performance data


def _performance(report: Report) -> str:
    values = [
        nagiosplugin.Performance(status.value, number, min=0, **THRESHOLDS.get(status, {}))
        for status, number in counts(report.findings).items()
    ]
    return " ".join(map(str, [*values, nagiosplugin.Performance("duration", report.duration_s, "s", min=0)]))
