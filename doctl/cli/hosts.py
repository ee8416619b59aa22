"""``doctl hosts``: can the documented hosts be reached, and does an allowlist cover them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from doctl.cli import files
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
from doctl.endpoints import SETS, SPLIT_TUNNEL
from doctl.errors import UsageError
from doctl.output import Format

if TYPE_CHECKING:
    from doctl.wire.allowlist import Allowlist

SET_NAMES = "|".join((*SETS, "all"))


def command(
    *,
    wanted: Annotated[str | None, typer.Option("--set", metavar=SET_NAMES, help="Which hosts. [default: all]")] = None,
    allowlist: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judge this list of allowed hosts too.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Judge the list only; touch no network.")] = False,
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Look at this host; without --set at no others; repeatable."),
    ] = None,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    timeout: TimeoutOption = 5.0,
    fail_on: FailOnOption = FailOn.FAIL,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check the documented hosts, or an allowlist.

    Says which hosts can be reached from here, and which of them a list of allowed hosts covers. With --set split-tunnel
    also whether the routes to them go past a VPN.
    """
    from doctl.checks import hosts, vpn
    from doctl.checks.hosts.reach import read_place
    from doctl.cli.checking import conduct
    from doctl.cli.settings import here
    from doctl.endpoints import hosts_of
    from doctl.jobs.checking import Check

    if offline and (allowlist is None or host):
        raise UsageError("--offline judges an allowlist: name one with --allowlist, and no --host")
    chosen = wanted or (None if host and not allowlist else "all")
    options = hosts.Options(
        hosts=hosts_of(chosen) if chosen else (),
        places=tuple(read_place(text) for text in host or []),
        allowlist=_list(allowlist),
        offline=offline,
        timeout=timeout,
    )
    checks: list[Check[Any]] = [Check("hosts", hosts.run, options)]
    if wanted == SPLIT_TUNNEL and not offline:
        checks.append(Check("vpn", vpn.run_routes, vpn.Options(settings=here(), timeout=timeout)))
    return conduct("hosts", checks, Common(format, output, timeout, fail_on, verbose, quiet))


def _list(path: Path | None) -> "Allowlist | None":
    from doctl.wire.allowlist import MOST_BYTES, read_allowlist

    return read_allowlist(files.content(path, MOST_BYTES), str(path)) if path else None
