"""``doctl check``: everything that applies, at once, in one report."""

from collections.abc import Callable
from typing import Annotated, Any, Final

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
from doctl.jobs.checking import Check
from doctl.output import Format
from doctl.printable import printable


def _ports(timeout: float) -> Check[Any]:
    from doctl.checks import ports  # noqa: PLC0415 - --help checks nothing, here and below

    return Check("ports", ports.run, ports.Options(timeout=timeout))


def _hosts(timeout: float) -> Check[Any]:
    from doctl.checks import hosts  # noqa: PLC0415

    return Check("hosts", hosts.run, hosts.Options(timeout=timeout))


def _proxy(timeout: float) -> Check[Any]:
    from doctl.checks import proxy  # noqa: PLC0415

    return Check("proxy", proxy.run, proxy.Options(timeout=timeout))


def _vpn(timeout: float) -> Check[Any]:
    from doctl.checks import vpn  # noqa: PLC0415

    return Check("vpn", vpn.run, vpn.Options(timeout=timeout))


AREAS: Final[dict[str, Callable[[float], Check[Any]]]] = {
    "ports": _ports,
    "hosts": _hosts,
    "proxy": _proxy,
    "vpn": _vpn,
}
"""Every area, with what makes its check as its own command does without options, given the timeout of a probe.

A check that does not apply to this machine, or of which nothing was asked, reports that itself as ``skip``.
"""

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
    """Check everything that applies to this machine, and say what to do next."""
    from doctl.cli.checking import conduct  # noqa: PLC0415 - --help checks nothing

    checks = [AREAS[area](timeout) for area in _wanted(areas or [])]
    return conduct("check", checks, Common(format, output, timeout, fail_on, verbose, quiet))


def _wanted(areas: list[str]) -> list[str]:
    """Return each area once, in the order of the table; all where none is named."""
    for area in areas:
        if area not in AREAS:
            raise UsageError(f"{printable(area, 40)!r} is not an area: name some of {', '.join(AREAS)}")
    return [area for area in AREAS if area in areas or not areas]
