"""``doctl proxy``: which proxy applies to a URL and why, and whether byte ranges come through it."""

from typing import Annotated

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

UrlArgument = Annotated[
    list[str] | None, typer.Argument(metavar="URL", help="Files to ask for; without any, Microsoft's test file.")
]


def command(
    urls: UrlArgument = None,
    *,
    proxy: Annotated[str | None, typer.Option(metavar="URL", help="Use this proxy, http://HOST:PORT.")] = None,
    pac: Annotated[str | None, typer.Option(metavar="URL|FILE", help="Let this PAC script choose the proxy.")] = None,
    direct: Annotated[bool, typer.Option("--direct", help="Use no proxy.")] = False,
    no_compare: Annotated[
        bool, typer.Option("--no-compare", help="Do not fetch directly to compare what comes through the proxy.")
    ] = False,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    timeout: TimeoutOption = 5.0,
    fail_on: FailOnOption = FailOn.FAIL,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check the proxy and what it does to byte ranges.

    Says which proxy applies to each URL and why, and whether ranges come through it unharmed.
    """
    from doctl.checks import proxy as check
    from doctl.cli.checking import conduct
    from doctl.endpoints import TEST_FILE_URL
    from doctl.jobs.checking import Check
    from doctl.net.proxies.route import Choice

    choice = Choice(proxy=proxy, pac=pac, direct=direct)
    options = check.Options(tuple(urls or [TEST_FILE_URL]), choice, not no_compare, timeout)
    return conduct(
        "proxy", [Check("proxy", check.run, options)], Common(format, output, timeout, fail_on, verbose, quiet)
    )
