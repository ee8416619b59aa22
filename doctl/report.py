"""What checks return and formats render: frozen data, no behaviour beyond ordering statuses."""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

SCHEMA = "doctl.report/1"


class Status(enum.StrEnum):
    """How a finding ended. A check that did not run is SKIP or UNKNOWN, never PASS."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    UNKNOWN = "unknown"
    FAIL = "fail"
    SKIP = "skip"


WORST_FIRST = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.PASS, Status.SKIP)


def worst(statuses: Iterable[Status]) -> Status:
    """Return the status that decides for all: fail, unknown, warn, pass; UNKNOWN where nothing was tested."""
    seen = set(statuses) - {Status.SKIP}
    return next((status for status in WORST_FIRST if status in seen), Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and the verdict on it.

    ``id`` is a promised name such as ``ports.7680.outbound``; ``target`` is what was looked at (``HOST:PORT``, a URL,
    a host name or pattern, an adapter's name); ``reason`` is one word from the check's closed list; ``facts`` are what
    the verdict rests on, as JSON values; ``remedy`` is a command or setting to use, shown and never run.
    """

    id: str
    area: str
    target: str
    status: Status
    reason: str
    summary: str
    facts: Mapping[str, object] = field(default_factory=dict)
    remedy: str = ""
    reference: str = ""
    duration_s: float = 0.0


Found = Callable[[Finding], None]
"""What a check calls with each finding, as soon as it is known."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Which program made the report."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Host:
    """Which machine the report is about."""

    name: str
    platform: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one command. ``started`` is UTC as ``2026-01-31T12:00:00Z``; ``duration_s`` is wall time."""

    tool: Tool
    command: str
    host: Host
    started: str
    duration_s: float
    findings: tuple[Finding, ...]
    schema: str = SCHEMA

    @property
    def status(self) -> Status:
        """The worst status of all findings."""
        return worst(finding.status for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Progress:
    """A transfer at one moment. Rates are bytes a second over the last few seconds; ``total`` is None while unknown."""

    done: int
    total: int | None
    rate: float
    bytes_from: Mapping[str, int]
    peers: int
    state: str = "downloading"

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at the present rate, or None when nobody can tell."""
        if self.total is None or self.rate <= 0:
            return None
        return (self.total - self.done) / self.rate
