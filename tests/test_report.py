"""Which status decides, and what progress can tell."""

import itertools

import pytest

from doctl.report import WORST_FIRST, Finding, Host, Progress, Report, Status, Tool, worst


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ("pass", "pass"),
        ("pass skip", "pass"),
        ("pass warn skip", "warn"),
        ("pass warn unknown skip", "unknown"),
        ("pass warn unknown fail skip", "fail"),
        ("skip", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_worst_decides(statuses: str, expected: str) -> None:
    """Fail, then unknown, then warn, then pass; where nothing was tested it is unknown, never pass."""
    for order in itertools.permutations(statuses.split()):
        assert worst(Status(status) for status in order) is Status(expected)


def test_every_status_has_its_rank() -> None:
    """The order holds each status once."""
    assert sorted(WORST_FIRST) == sorted(Status)


def test_a_report_has_the_status_of_its_worst_finding() -> None:
    """A report is judged by its findings, and unknown without any."""

    def of(*statuses: Status) -> Status:
        findings = tuple(Finding("a.b", "a", "t", status, "ok", "s") for status in statuses)
        return Report(Tool("doctl", "0"), "a", Host("h", "p"), "2026-01-31T12:00:00Z", 0.1, findings).status

    assert of(Status.PASS, Status.FAIL, Status.WARN) is Status.FAIL
    assert of(Status.PASS, Status.SKIP) is Status.PASS
    assert of() is Status.UNKNOWN


@pytest.mark.parametrize(
    ("done", "total", "rate", "left"),
    [(50, 150, 10.0, 10.0), (150, 150, 10.0, 0.0), (50, None, 10.0, None), (0, 9, 0.0, None)],
)
def test_time_left(done: int, total: int | None, rate: float, left: float | None) -> None:
    """The time left follows from the rate, and is not told where the total or the rate is unknown."""
    assert Progress(done, total, rate, {}, peers=0).seconds_left == left
