"""``doctl teredo``: which NAT this machine is behind, by asking a Teredo server."""

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
from doctl.errors import UsageError
from doctl.output import Format

if TYPE_CHECKING:
    from doctl.endpoints import Address

ServerOption = Annotated[
    str | None, typer.Option(metavar="HOST", help="The server to ask. [default: the documented ones, in turn]")
]
SecondOption = Annotated[
    str | None, typer.Option(metavar="HOST", help="Its second address. [default: the address after its first]")
]


def command(
    *,
    server: ServerOption = None,
    second: SecondOption = None,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    timeout: TimeoutOption = 5.0,
    fail_on: FailOnOption = FailOn.FAIL,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> int:
    """Find out which NAT is in the way of peers.

    Asks a Teredo server what it sees of this machine, as Windows does to reach peers in other networks.
    """
    from doctl.checks import teredo
    from doctl.cli.checking import conduct
    from doctl.jobs.checking import Check
    from doctl.net.teredo import DOCUMENTED

    if second is not None and server is None:
        raise UsageError("--second is the second address of a server: name that with --server")
    servers = (_address(server, "--server"),) if server is not None else DOCUMENTED
    other = None if second is None else _address(second, "--second")
    options = teredo.Options(servers, other, asked_for=True, timeout=timeout)
    common = Common(format, output, timeout, fail_on, verbose, quiet)
    return conduct("teredo", [Check("teredo", teredo.run, options)], common)


def _address(text: str, option: str) -> "Address":
    from doctl.endpoints import TEREDO_PORT, Address

    address = Address.parse(text, TEREDO_PORT)
    if ":" in address.host or address.port == 0:
        raise UsageError(f"{option} {text[:80]}: give a name or an IPv4 address; a port other than 3544 may follow it")
    return address
