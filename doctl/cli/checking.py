"""What every check command does: run its checks on the real network, write the report, give the exit code."""

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from typing import Any, Final, TextIO

from doctl.cli.delivery import deliver
from doctl.cli.exits import Exit, of_nagios, of_status
from doctl.cli.options import Common, FailOn
from doctl.cli.running import run
from doctl.digest import counts
from doctl.jobs.checking import Check, Outcome, run_checks
from doctl.output import Format, renderer
from doctl.report import Finding, Found, Host, Status

MOST_CONNECTIONS: Final = 128
"""For all checks together; macOS gives a process 256 open files by default."""


def conduct(command: str, checks: Sequence[Check[Any]], common: Common) -> int:
    """Run ``checks`` at once as ``command``, write the report as ``common`` asks, and return the exit code."""
    render = renderer(common.format)  # before the checks: a format that is not installed should not cost a run
    ticker = Ticker(sys.stderr, [check.name for check in checks], shown=not common.quiet)
    try:
        outcome = run(_checked(command, checks, ticker.tick))
    finally:
        ticker.clear()
    deliver(outcome.report, render, common)
    return _exit_code(outcome, common)


async def _checked(command: str, checks: Sequence[Check[Any]], listener: Found) -> Outcome:
    from doctl.net.system import SystemNetwork

    return await run_checks(SystemNetwork(MOST_CONNECTIONS), command, checks, this_machine(), listener)


def this_machine() -> Host:
    """Return what a report calls this machine."""
    return Host(platform.node(), platform.platform(terse=True))


def _exit_code(outcome: Outcome, common: Common) -> int:
    if common.format is Format.NAGIOS:
        return of_nagios(outcome.report.status)
    if outcome.interrupted:
        return Exit.INTERRUPTED
    return of_status(outcome.report.status, common.fail_on is FailOn.WARN)


class Ticker:
    """One line on a terminal that counts the findings while they come, and is gone when they are all there."""

    def __init__(self, stream: TextIO, names: Sequence[str], *, shown: bool) -> None:
        self._stream = stream
        self._shown = shown and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._width = shutil.get_terminal_size().columns - 1
        self._names = ", ".join(names)
        self._findings: list[Finding] = []
        self._draw()

    def tick(self, finding: Finding) -> None:
        """Count one more finding."""
        self._findings.append(finding)
        self._draw()

    def clear(self) -> None:
        """Take the line away."""
        self._write("")

    def _draw(self) -> None:
        failed = counts(self._findings)[Status.FAIL]
        self._write(f"checking {self._names}: {len(self._findings)} findings, {failed} failed")

    def _write(self, text: str) -> None:
        """Put ``text`` in place of what is there, with spaces, since not every console knows how to erase."""
        if self._shown:
            self._stream.write(f"\r{text[: self._width].ljust(self._width)}\r")
            self._stream.flush()
