"""Runs several checks at once and makes one report of what they find."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from doctl import __version__
from doctl.errors import DoctlError, UsageError
from doctl.report import Finding, Found, Host, Report, Status, Tool

if TYPE_CHECKING:
    from doctl.net.base import Network

Options = TypeVar("Options")


@dataclass(frozen=True, slots=True)
class Check(Generic[Options]):
    """One check, ready to run: its name (``ports``), the ``run`` of its module and what to run it with."""

    name: str
    run: "Callable[[Network, Options, Found], Awaitable[None]]"
    options: Options


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report, and whether somebody interrupted the checks before they were done."""

    report: Report
    interrupted: bool


class _Board:
    """What is known so far: the findings of each check, and which checks have finished."""

    def __init__(self, checks: "Sequence[Check[Any]]", listener: Found) -> None:
        self.findings: dict[str, list[Finding]] = {check.name: [] for check in checks}
        self.open = [check.name for check in checks]
        self.listener = listener

    def add(self, name: str, finding: Finding) -> None:
        self.findings[name].append(finding)
        self.listener(finding)

    def close(self, name: str) -> None:
        self.open.remove(name)

    def in_order(self) -> tuple[Finding, ...]:
        """All findings: by check as they were asked for, then by id and target, so that two reports can be compared."""
        by_name = (sorted(found, key=lambda f: (f.id, f.target)) for found in self.findings.values())
        return tuple(finding for found in by_name for finding in found)


async def run_checks(
    network: "Network",
    command: str,
    checks: "Sequence[Check[Any]]",
    host: Host,
    listener: Found,
) -> Outcome:
    """Run ``checks`` at once and return the report of ``command``; ``listener`` hears each finding as it comes.

    A check that raises a DoctlError becomes a finding that says why, and the others go on; only a UsageError, being
    about the command itself, ends everything and comes out. Being cancelled ends the checks and not the report: what
    is known by then is in it, and each check that was still running is named as ``unknown``, ``interrupted``.
    """
    board = _Board(checks, listener)
    started, start = datetime.now(UTC), network.now()
    interrupted = await _run_all(network, checks, board)
    for name in tuple(board.open):
        board.add(name, _interrupted(name))
    report = Report(
        tool=Tool("doctl", __version__),
        command=command,
        host=host,
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        duration_s=round(network.now() - start, 3),
        findings=board.in_order(),
    )
    return Outcome(report, interrupted)


async def _run_all(network: "Network", checks: "Sequence[Check[Any]]", board: _Board) -> bool:
    """Run all and return whether they were interrupted."""
    try:
        async with asyncio.TaskGroup() as group:
            for check in checks:
                group.create_task(_run_one(network, check, board))
    except asyncio.CancelledError:
        return True
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return False


async def _run_one(network: "Network", check: "Check[Any]", board: _Board) -> None:
    try:
        await check.run(network, check.options, lambda finding: board.add(check.name, finding))
    except* UsageError as errors:
        raise _first(errors) from None
    except* DoctlError as errors:
        board.add(check.name, _not_done(check.name, _first(errors)))
    board.close(check.name)


def _first(errors: BaseException) -> BaseException:
    """Return the first single error in a group of groups."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors


def _not_done(name: str, error: BaseException) -> Finding:
    summary = f"The check could not be done: {error}"
    return Finding(id=f"{name}.check", area=name, target="", status=Status.UNKNOWN, reason="not_done", summary=summary)


def _interrupted(name: str) -> Finding:
    summary = "Interrupted before this check was done; what it had found by then is in the report."
    remedy = f"doctl {name}"
    return Finding(
        id=f"{name}.check",
        area=name,
        target="",
        status=Status.UNKNOWN,
        reason="interrupted",
        summary=summary,
        remedy=remedy,
    )
