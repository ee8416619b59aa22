"""``doctl ports``: who listens on 7680, who may connect to it, and what this machine reaches."""

from typing import Annotated
from urllib.parse import urlsplit

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
from doctl.cli.quantities import peer_address
from doctl.errors import UsageError
from doctl.output import Format

TargetOption = Annotated[
    list[str] | None,
    typer.Option(metavar="HOST[:PORT]", help="A peer to connect to, on 7680 unless a port is given; repeatable."),
]
ReflectorOption = Annotated[
    str | None, typer.Option(metavar="URL", help="A doctl coordinator that connects back to this machine.")
]
HostOption = Annotated[
    list[str] | None,
    typer.Option(metavar="HOST", help="A host to try on 80 and 443, instead of the documented ones; repeatable."),
]


def command(
    *,
    target: TargetOption = None,
    reflector: ReflectorOption = None,
    host: HostOption = None,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    timeout: TimeoutOption = 5.0,
    fail_on: FailOnOption = FailOn.FAIL,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check the ports: who listens, who reaches whom.

    Looks at 7680 on this machine and its firewall, at peers, and at the hosts on 80 and 443.
    """
    from doctl.checks import ports
    from doctl.cli.checking import conduct
    from doctl.cli.settings import here
    from doctl.jobs.checking import Check

    targets = tuple(peer_address(text) for text in target or [])
    hosts = tuple(_host(text) for text in host or [])
    options = ports.Options(targets, _reflector(reflector), hosts, timeout, here())
    common = Common(format, output, timeout, fail_on, verbose, quiet)
    return conduct("ports", [Check("ports", ports.run, options)], common)


def _host(text: str) -> str:
    from doctl.endpoints import Address

    address = Address.parse(text, 0)
    if address.port:
        raise UsageError(f"--host {text}: give the host alone, its ports 80 and 443 are tried; see --target for others")
    return address.host


def _reflector(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable():
        raise UsageError(f"--reflector {url}: write the URL of a doctl coordinator, as http://HOST:PORT")
    return url
