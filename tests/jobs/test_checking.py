"""Running several checks at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from doctl.errors import FilteredError, UsageError
from doctl.jobs.checking import Check, Outcome, run_checks
from doctl.net.base import Network
from doctl.net.fake import FakeNetwork
from doctl.report import Finding, Found, Host, Status

HOST = Host("pc7", "Linux")
Run = Callable[[Network, Any, Found], Awaitable[None]]


def finding(check: str, target: str = "t", status: Status = Status.PASS) -> Finding:
    """Return a finding of ``check``."""
    return Finding(f"{check}.x", check, target, status, "ok", "So.")


def finds(*findings: Finding) -> Run:
    """Return a check that finds these at once."""

    async def run(_network: Network, _options: object, found: Found) -> None:
        for each in findings:
            found(each)

    return run


def raises(error: BaseException, *before: Finding) -> Run:
    """Return a check that finds something and then fails."""

    async def run(network: Network, options: object, found: Found) -> None:
        await finds(*before)(network, options, found)
        raise error

    return run


async def run_all(*runs: Run, heard: list[Finding] | None = None) -> Outcome:
    """Run checks named a, b, c.. and return what came of them."""
    checks = [Check("abc"[number], run, None) for number, run in enumerate(runs)]
    return await run_checks(FakeNetwork(), "check", checks, HOST, (heard if heard is not None else []).append)


def test_report_says_who_what_where_and_when() -> None:
    """The report names the program, the command, the machine and the time, and has the findings of all checks."""
    report = asyncio.run(run_all(finds(finding("a")), finds(finding("b")))).report
    assert (report.tool.name, report.command, report.host, report.schema) == ("doctl", "check", HOST, "doctl.report/1")
    assert report.started.endswith("Z")
    assert report.duration_s >= 0
    assert [found.area for found in report.findings] == ["a", "b"]


def test_findings_are_in_the_order_of_checks_ids_and_targets() -> None:
    """However findings come in, the report has them by check, id and target, so that reports can be compared."""
    report = asyncio.run(run_all(finds(finding("a", "2"), finding("a", "1")), finds(finding("b")))).report
    assert [(found.area, found.target) for found in report.findings] == [("a", "1"), ("a", "2"), ("b", "t")]


def test_checks_run_at_once_with_their_options() -> None:
    """Every check is under way before any has to be finished, and each gets its own options."""

    async def scenario() -> list[object]:
        barrier, seen = asyncio.Barrier(3), list[object]()

        async def run(_network: Network, options: str, _found: Found) -> None:
            async with asyncio.timeout(30):
                await barrier.wait()
            seen.append(options)

        await run_checks(FakeNetwork(), "check", [Check(n, run, n * 2) for n in "abc"], HOST, lambda _: None)
        return seen

    assert sorted(map(str, asyncio.run(scenario()))) == ["aa", "bb", "cc"]


def test_listener_hears_findings_as_they_come() -> None:
    """Whoever watches hears each finding at once, while other checks still run."""

    async def scenario() -> list[Finding]:
        heard, first = list[Finding](), asyncio.Event()

        async def waits(_network: Network, _options: object, found: Found) -> None:
            async with asyncio.timeout(30):
                await first.wait()
            assert [each.area for each in heard] == ["b"]
            found(finding("a"))

        async def leads(_network: Network, _options: object, found: Found) -> None:
            found(finding("b"))
            first.set()

        await run_all(waits, leads, heard=heard)
        return heard

    assert [each.area for each in asyncio.run(scenario())] == ["b", "a"]


@pytest.mark.parametrize(
    "error",
    [FilteredError("no answer"), ExceptionGroup("several", [FilteredError("no answer"), FilteredError("other")])],
    ids=["one", "group"],
)
def test_a_check_that_cannot_be_done_is_unknown_and_the_others_go_on(error: Exception) -> None:
    """An error of one check is a finding that says why; its earlier findings and the other checks stay."""
    outcome = asyncio.run(run_all(raises(error, finding("a")), finds(finding("b"))))
    assert [(f.id, f.status, f.reason) for f in outcome.report.findings] == [
        ("a.check", Status.UNKNOWN, "not_done"),
        ("a.x", Status.PASS, "ok"),
        ("b.x", Status.PASS, "ok"),
    ]
    assert "no answer" in outcome.report.findings[0].summary
    assert not outcome.interrupted


@pytest.mark.parametrize("error", [UsageError("no such file"), ZeroDivisionError("a bug")])
def test_wrong_use_and_bugs_come_out_as_they_are(error: Exception) -> None:
    """What is about the command itself, or a bug, ends everything and comes out by itself, not in a group."""
    with pytest.raises(type(error), match=str(error)):
        asyncio.run(run_all(raises(error), finds(finding("b"))))


def test_interrupted_checks_are_named_and_the_rest_is_reported() -> None:
    """Being cancelled gives a report of what is known, in which every unfinished check is unknown, interrupted."""

    async def scenario() -> Outcome:
        started = asyncio.Event()

        async def hangs(_network: Network, _options: object, found: Found) -> None:
            found(finding("b", status=Status.FAIL))
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(run_all(finds(finding("a")), hangs))
        await started.wait()
        task.cancel()
        return await task

    outcome = asyncio.run(scenario())
    assert outcome.interrupted
    assert [(f.id, f.status, f.reason) for f in outcome.report.findings] == [
        ("a.x", Status.PASS, "ok"),
        ("b.check", Status.UNKNOWN, "interrupted"),
        ("b.x", Status.FAIL, "ok"),
    ]


def test_no_checks_or_no_findings_are_never_a_pass() -> None:
    """Where nothing was tested the verdict is unknown."""
    assert asyncio.run(run_all()).report.status is Status.UNKNOWN
    assert asyncio.run(run_all(finds())).report.status is Status.UNKNOWN
    assert asyncio.run(run_all(finds(finding("a", status=Status.SKIP)))).report.status is Status.UNKNOWN
