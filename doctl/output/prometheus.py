"""The report as metrics for the textfile collector of Prometheus' node exporter."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from doctl.digest import counts, worst_first
from doctl.errors import MissingExtraError
from doctl.report import Finding, Report, Status

try:
    from prometheus_client import CollectorRegistry, Gauge, generate_latest
except ImportError as error:
    raise MissingExtraError("--format prometheus needs an extra: pip install 'doctl-toolkit[prometheus]'") from error

if TYPE_CHECKING:
    from doctl.output import View

CODES: Final = {Status.PASS: 0, Status.WARN: 1, Status.FAIL: 2, Status.UNKNOWN: 3, Status.SKIP: -1}
CODES_HELP: Final = "0 pass, 1 warn, 2 fail, 3 unknown, -1 skip"
LABELS: Final = ("command", "area", "id", "target")


def render(report: Report, _view: "View") -> str:
    """Return the exposition text."""
    registry = CollectorRegistry()
    _add_report(report, registry)
    _add_findings(report, registry)
    return generate_latest(registry).decode("utf-8")


def _add_report(report: Report, registry: CollectorRegistry) -> None:
    values = {
        "doctl_status": (f"The verdict: {CODES_HELP}.", CODES[report.status]),
        "doctl_duration_seconds": ("How long the checks took.", report.duration_s),
        "doctl_started_timestamp_seconds": (
            "When the checks began.",
            datetime.fromisoformat(report.started).timestamp(),
        ),
    }
    for name, (description, value) in values.items():
        Gauge(name, description, ["command"], registry=registry).labels(report.command).set(value)
    numbers = Gauge("doctl_findings", "How many findings ended so.", ["command", "status"], registry=registry)
    for status, number in counts(report.findings).items():
        numbers.labels(report.command, status.value).set(number)


def _add_findings(report: Report, registry: CollectorRegistry) -> None:
    """Add one series for each id and target; where two findings share both, the worse one counts."""
    status = Gauge("doctl_finding_status", f"One finding: {CODES_HELP}.", LABELS, registry=registry)
    reason = Gauge("doctl_finding_reason", "Why, always 1.", (*LABELS, "reason"), registry=registry)
    took = Gauge("doctl_finding_duration_seconds", "How long it took to find.", LABELS, registry=registry)
    for finding in _distinct(report):
        labels = (report.command, finding.area, finding.id, finding.target)
        status.labels(*labels).set(CODES[finding.status])
        reason.labels(*labels, finding.reason).set(1)
        took.labels(*labels).set(finding.duration_s)


def _distinct(report: Report) -> list[Finding]:
    worst = {(f.area, f.id, f.target): f for f in reversed(worst_first(report.findings))}
    return list(worst.values())[::-1]
