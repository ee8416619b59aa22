"""``doctl check``: everything that applies, at once, in one report."""

import importlib
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from doctl.cli.options import (
    Common,
    FailOn,
    FailOnOption,
    FormatOption,
    OutputOption,
    QuietOption,
    TimeoutOption,
    VerboseOption,
)
from doctl.errors import UsageError
from doctl.output import Format
from doctl.printable import printable

if TYPE_CHECKING:
    from doctl.jobs.checking import Check
    from doctl.settings import Settings


AREAS: Final = ("ports", "hosts", "proxy", "vpn", "teredo", "wsus")
"""Every area. Each is a module of ``doctl.checks`` whose ``Options(timeout=...)`` ask what its own command asks without
options; a check that does not apply to this machine, or of which nothing was asked, reports that itself as ``skip``.
"""
BY_SETTINGS: Final = frozenset({"ports", "vpn", "teredo"})
"""The areas whose ``Options`` take the settings in effect."""

AreaArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="AREA", help=f"Of {', '.join(AREAS)}; without any, all.", autocompletion=lambda: list(AREAS)
    ),
]


def command(
    areas: AreaArgument = None,
    *,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    timeout: TimeoutOption = 5.0,
    fail_on: FailOnOption = FailOn.FAIL,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check everything that applies, and say what to do."""
    from doctl.cli.checking import conduct
    from doctl.cli.settings import here

    settings = here()
    checks = [_check(area, timeout, settings) for area in _wanted(areas or [])]
    return conduct("check", checks, Common(format, output, timeout, fail_on, verbose, quiet))


def _check(area: str, timeout: float, settings: "Settings") -> "Check[Any]":
    from doctl.jobs.checking import Check

    module = importlib.import_module(f"doctl.checks.{area}")
    by_settings = {"settings": settings} if area in BY_SETTINGS else {}
    return Check(area, module.run, module.Options(timeout=timeout, **by_settings))


def _wanted(areas: list[str]) -> list[str]:
    """Return each area once, in the order of the table; all where none is named."""
    for area in areas:
        if area not in AREAS:
            raise UsageError(f"{printable(area, 40)!r} is not an area: name some of {', '.join(AREAS)}")
    return [area for area in AREAS if area in areas or not areas]
