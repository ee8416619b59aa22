"""What every check command does: run its checks on the real network, write the report, give the exit code."""

import asyncio
import platform
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from doctl.cli.exits import Exit, of_nagios, of_status
from doctl.cli.options import Common, FailOn
from doctl.jobs.checking import Check, Outcome, run_checks
from doctl.output import View, render
from doctl.report import Finding, Host

if TYPE_CHECKING:
    from doctl.report import Report


def conduct(command: str, checks: Sequence[Check[Any]], common: Common) -> int:
    """Run ``checks`` at once as ``command`` and return the exit code."""
    outcome = asyncio.run(_checked(command, checks))
    _deliver(outcome.report, common)
    return _exit_code(outcome, common)


async def _checked(command: str, checks: Sequence[Check[Any]]) -> Outcome:
    from doctl.net.system import SystemNetwork  # noqa: PLC0415 - a command's --help needs no network

    return await run_checks(
        SystemNetwork(), command, checks, Host(platform.node(), platform.platform(terse=True)), _ignore
    )


def _deliver(report: "Report", common: Common) -> None:
    view = View(width=shutil.get_terminal_size().columns, verbose=common.verbose, quiet=common.quiet)
    text = render(report, common.format, view)
    if common.output is None:
        sys.stdout.write(text)
    else:
        common.output.write_text(text, encoding="utf-8")


def _exit_code(outcome: Outcome, common: Common) -> int:
    if common.format == "nagios":
        return of_nagios(outcome.report.status)
    if outcome.interrupted:
        return Exit.INTERRUPTED
    return of_status(outcome.report.status, common.fail_on is FailOn.WARN)


def _ignore(_finding: Finding) -> None:
    """Let progress pass unseen."""
