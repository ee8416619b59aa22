"""``doctl vpn``: which adapters are VPNs, what Windows takes them for, and what follows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from doctl.errors import UsageError
from doctl.output import Format

if TYPE_CHECKING:
    from doctl.net.adapters import Adapter
    from doctl.settings import Settings

KeywordOption = Annotated[
    list[str] | None,
    typer.Option(metavar="WORD", help="A word that makes Windows see a VPN, instead of its own list; repeatable."),
]
BoundaryOption = Annotated[
    list[str] | None,
    typer.Option(metavar="CIDR", help="A boundary group with download mode 0, as 10.8.0.0/16; repeatable."),
]


def command(
    *,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Judge this inventory, not this machine.")
    ] = None,
    keyword: KeywordOption = None,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="DO settings in TOML, over this machine's own.")
    ] = None,
    boundary: BoundaryOption = None,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    timeout: TimeoutOption = 5.0,
    fail_on: FailOnOption = FailOn.FAIL,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check which adapters are VPNs, and what follows.

    Says which of them Windows takes for one, what that does to uploads and peers, and whether the hosts that should go
    direct do.
    """
    from doctl.checks import vpn
    from doctl.cli.checking import conduct
    from doctl.cli.settings import here
    from doctl.jobs.checking import Check
    from doctl.settings import layered

    made = _made(settings, keyword or [], boundary or [])
    options = vpn.Options(_inventory(source), layered(*made) if source else here(*made), timeout)
    common = Common(format, output, timeout, fail_on, verbose, quiet)
    return conduct("vpn", [Check("vpn", vpn.run, options)], common)


def _inventory(source: Path | None) -> "tuple[Adapter, ...] | None":
    from doctl.net.adapters.inventory import MOST_BYTES, read_inventory

    return read_inventory(files.content(source, MOST_BYTES), str(source)) if source else None


def _made(path: Path | None, keywords: list[str], boundaries: list[str]) -> "tuple[Settings, Settings]":
    """Return what the file sets, and what the options set."""
    from doctl.cli.settings import of_file
    from doctl.settings import Boundary, Origin, Settings, Value, read_network

    if not all(word.strip() for word in keywords):
        raise UsageError("--keyword needs a word; a blank one would be in every adapter's name")
    options = {"DOVpnKeywords": Value(",".join(keywords), Origin.OPTION, "--keyword")} if keywords else {}
    groups = tuple(Boundary((read_network(text, "--boundary"),), 0, "--boundary") for text in boundaries)
    return of_file(path), Settings(options, groups)
