"""The exit codes, a promise to scripts."""

import enum

from doctl.report import Status


class Exit(enum.IntEnum):
    """What doctl's exit code says."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    UNDETERMINED = 3
    BUG = 70
    INTERRUPTED = 130


def of_status(status: Status, fail_on_warn: bool = False) -> Exit:
    """Return the exit code for an overall status."""
    if status is Status.WARN:
        return Exit.FAILED if fail_on_warn else Exit.PASSED
    return {Status.PASS: Exit.PASSED, Status.FAIL: Exit.FAILED}.get(status, Exit.UNDETERMINED)


def of_nagios(status: Status) -> int:
    """Return the exit code that Nagios plugins use: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    return {Status.PASS: 0, Status.WARN: 1, Status.FAIL: 2}.get(status, 3)
