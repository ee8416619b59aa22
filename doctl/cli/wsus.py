"""``doctl wsus``: does a WSUS server serve Delivery Optimization, and who coordinates peers for it."""

from typing import TYPE_CHECKING, Annotated

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
from doctl.output import Format

if TYPE_CHECKING:
    from doctl.wire.wsus import Place

UrlArgument = Annotated[
    str | None,
    typer.Argument(metavar="URL", help="The server, or a file of it below /Content/. [default: Windows' policy]"),
]


def command(
    url: UrlArgument = None,
    *,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    timeout: TimeoutOption = 5.0,
    fail_on: FailOnOption = FailOn.FAIL,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check a WSUS server, and who coordinates peers.

    Says whether payloads come from it, in ranges, and whether the cloud service without which there are no peers can be
    reached from here as well.
    """
    from doctl.checks import wsus
    from doctl.cli.checking import conduct
    from doctl.jobs.checking import Check

    options = wsus.Options(_place(url), timeout)
    common = Common(format, output, timeout, fail_on, verbose, quiet)
    return conduct("wsus", [Check("wsus", wsus.run, options)], common)


def _place(url: str | None) -> "Place | None":
    from doctl.wire.wsus import parse_place

    return parse_place(url) if url is not None else None
