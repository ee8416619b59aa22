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
    settings: Annotated[Path | None, typer.Option(metavar="FILE", help="DO settings in TOML.")] = None,
    boundary: BoundaryOption = None,
    format: FormatOption = Format.TEXT,
    output: OutputOption = None,
    timeout: TimeoutOption = 5.0,
    fail_on: FailOnOption = FailOn.FAIL,
    verbose: VerboseOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check which adapters are VPNs, and what follows.

    Says which of them Windows takes for one, and what that does to uploads and peers.
    """
    from doctl.checks import vpn  # noqa: PLC0415 - --help judges nothing
    from doctl.cli.checking import conduct  # noqa: PLC0415
    from doctl.jobs.checking import Check  # noqa: PLC0415

    options = vpn.Options(_inventory(source), _settings(settings, keyword or [], boundary or []), timeout)
    common = Common(format, output, timeout, fail_on, verbose, quiet)
    return conduct("vpn", [Check("vpn", vpn.run, options)], common)


def _inventory(source: Path | None) -> "tuple[Adapter, ...] | None":
    from doctl.net.adapters.inventory import MOST_BYTES, read_inventory  # noqa: PLC0415 - as above

    return read_inventory(files.content(source, MOST_BYTES), str(source)) if source else None


def _settings(path: Path | None, keywords: list[str], boundaries: list[str]) -> "Settings":
    from doctl.settings import (  # noqa: PLC0415 - as above
        MOST_TEXT,
        Boundary,
        Origin,
        Settings,
        Value,
        layered,
        read_network,
        read_settings,
    )

    if not all(word.strip() for word in keywords):
        raise UsageError("--keyword needs a word; a blank one would be in every adapter's name")
    options = {"DOVpnKeywords": Value(",".join(keywords), Origin.OPTION, "--keyword")} if keywords else {}
    groups = tuple(Boundary((read_network(text, "--boundary"),), 0, "--boundary") for text in boundaries)
    file = read_settings(files.text(path, MOST_TEXT), str(path)) if path else Settings({})
    return layered(file, Settings(options, groups))
