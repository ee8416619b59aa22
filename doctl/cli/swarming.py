"""The options about peers that fetch, serve and peers share, and what the settings make of them."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from doctl.cli import files, quantities
from doctl.cli.running import run
from doctl.cli.settings import of_file
from doctl.errors import UsageError
from doctl.printable import printable

if TYPE_CHECKING:
    from doctl.jobs.rendezvous import Rendezvous
    from doctl.settings import Settings

CoordinatorOption = Annotated[
    str | None, typer.Option(metavar="URL", help="The coordination service to find peers by.")
]
GroupOption = Annotated[str | None, typer.Option(metavar="GUID", help="The group whose members are peers in mode 2.")]
ModeOption = Annotated[
    str | None, typer.Option(metavar="MODE", help="0 http, 1 lan, 2 group, 3 internet, 99 simple. [default: 1]")
]
TokenOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The token that the coordination service wants, in a file.")
]
LocalOption = Annotated[
    bool, typer.Option("--local-discovery", help="Announce and look for peers on the local network (DNS-SD).")
]
LONGEST_TOKEN: Final = 4096
BYPASS: Final = 100


@dataclass(frozen=True, slots=True)
class Swarming:
    """The options as they were written."""

    coordinator: str | None = None
    mode: str | None = None
    group: str | None = None
    cache_host: str | None = None
    settings: Path | None = None
    token_file: Path | None = None
    insecure: bool = False
    local_discovery: bool = False
    windows_accounting: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """What follows from options and settings; ``mode_from`` is where the mode came from, if not from an option.

    ``mode`` is that of now; in ``settings`` boundary groups have not been applied, since addresses may change.
    """

    mode: int
    mode_from: str
    settings: "Settings"
    rendezvous: "Rendezvous | None"
    local_discovery: bool


def chosen(options: Swarming) -> Chosen:
    """Lay the options over the settings; UsageError for what cannot be meant."""
    from doctl.jobs.settings import in_effect
    from doctl.net.system import SystemNetwork
    from doctl.settings import Origin, Value, may_have_peers, of_text
    from doctl.wire.joining import Restriction

    made: dict[str, Value] = {}
    if options.mode is not None:
        made["DODownloadMode"] = Value(quantities.mode(options.mode), Origin.OPTION, "--mode")
    if options.group is not None:
        made["DOGroupId"] = Value(of_text("DOGroupId", options.group, "--group"), Origin.OPTION, "--group")
    if options.cache_host is not None:
        made["DOCacheHost"] = Value(options.cache_host, Origin.OPTION, "--cache-host")
    found = run(in_effect(SystemNetwork(), os.environ, of_file(options.settings), made))
    for problem in found.problems:
        sys.stderr.write(f"doctl: {printable(problem)}\n")
    mode = found.settings.values["DODownloadMode"]
    where = f"{mode.origin} {mode.where}".strip() if mode.origin not in (Origin.OPTION, Origin.DEFAULT) else ""
    number = found.settings.number("DODownloadMode") or 0
    if number == BYPASS:  # a policy for Windows' own downloads, which doctl's need not obey by failing
        number, where = 99, f"{where}: 100 hands downloads to BITS, which doctl does without"
    local = options.local_discovery or found.settings.number("DORestrictPeerSelectionBy") == Restriction.DNS_SD
    rendezvous = _rendezvous(options, number, found.made)
    return Chosen(number, where, found.made, rendezvous, local and may_have_peers(found.made))


def _rendezvous(options: Swarming, mode: int, settings: "Settings") -> "Rendezvous | None":
    from doctl.jobs.rendezvous import Rendezvous
    from doctl.settings import DownloadMode, may_have_peers, possible_modes
    from doctl.wire.joining import Restriction
    from doctl.wire.urls import usable

    if options.token_file is not None and options.coordinator is None:
        raise UsageError("--token-file has the token for a coordination service: name that with --coordinator")
    if options.coordinator is None or not may_have_peers(settings):
        return None
    group = settings.text("DOGroupId").strip("{}").lower()
    if DownloadMode.GROUP in possible_modes(settings) and not group:
        raise UsageError("mode 2 (group) needs to know which: --group GUID, or DOGroupId in the settings")
    return Rendezvous(
        usable(options.coordinator),
        DownloadMode(mode),
        group,
        Restriction(settings.number("DORestrictPeerSelectionBy") or 0),
        token(options.token_file),
        options.insecure,
        options.windows_accounting,
    )


def token(path: Path | None) -> str:
    """Return the token in the file, which is one line of printable ASCII; empty without a file."""
    text = files.text(path, LONGEST_TOKEN).strip() if path else ""
    if path and not (text and text.isascii() and text.isprintable() and " " not in text):
        raise UsageError(f"{printable(str(path), 200)} holds no token: one line without spaces")
    return text
