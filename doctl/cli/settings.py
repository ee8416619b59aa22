"""``doctl settings``: every DO* setting in effect, and where it came from."""

import ipaddress
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from doctl.cli import files
from doctl.cli.delivery import put
from doctl.cli.exits import Exit
from doctl.cli.results import ResultFormat, ResultFormatOption, ResultOutputOption, as_json
from doctl.cli.running import run
from doctl.errors import LocalError, UsageError
from doctl.printable import printable

if TYPE_CHECKING:
    from doctl.jobs.settings import InEffect
    from doctl.settings import IPAddress, Settings, Value


def command(
    *,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="DO settings in TOML.")] = None,
    address: Annotated[
        str | None, typer.Option(metavar="IP", help="Where to ask the boundary groups. [default: this machine's own]")
    ] = None,
    made: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="As if this were an option; repeatable.")
    ] = None,
    wanted: ResultFormatOption = ResultFormat.TEXT,
    output: ResultOutputOption = None,
) -> int:
    """Show the settings in effect and their origins."""
    from doctl.jobs.settings import in_effect
    from doctl.net.system import SystemNetwork
    from doctl.settings import read_assignment

    options = dict(read_assignment(text, "--set") for text in made or [])
    addresses = None if address is None else (_address(address),)
    found = run(in_effect(SystemNetwork(), os.environ, of_file(file), options, addresses=addresses))
    put(as_json(found.as_json()) if wanted is ResultFormat.JSON else _said(found), output)
    _tell(found.problems)
    return Exit.PASSED


def of_file(path: Path | None) -> "Settings":
    """Return what a settings file sets, nothing without one."""
    from doctl.settings import MOST_TEXT, Settings, read_settings

    return read_settings(files.text(path, MOST_TEXT), str(path)) if path else Settings({})


def here(*layers: "Settings") -> "Settings":
    """Return the settings in effect on this machine, ``layers`` over them; without the registry's where it is closed.

    A value of the registry that will not do is told on standard error.
    """
    from doctl.jobs.settings import in_effect
    from doctl.net.system import SystemNetwork
    from doctl.settings import layered, read_environment

    try:
        found = run(in_effect(SystemNetwork(), os.environ, *layers))
    except LocalError:
        return layered(read_environment(os.environ), *layers)
    _tell(found.problems)
    return found.settings


def _tell(problems: Iterable[str]) -> None:
    for problem in problems:
        sys.stderr.write(f"doctl: {printable(problem)}\n")


def _address(text: str) -> "IPAddress":
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise UsageError(f"{text[:80]!r} is not an address: write one such as 10.8.0.5") from None


def _said(found: "InEffect") -> str:
    """Write a line for each setting, then what the boundary groups were asked."""
    lines = [f"{name:<45} {_shown(name, made):<37} {_origin(made)}" for name, made in found.settings.values.items()]
    if found.settings.boundaries and found.addresses:
        lines += [f"boundary groups were asked about {', '.join(map(str, found.addresses))}"]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _shown(name: str, made: "Value") -> str:
    from doctl.settings import MODES, SETTINGS

    if made.value is None:
        return "-"
    meaning = MODES.get(int(made.value), "") if name == "DODownloadMode" else SETTINGS[name].unit
    return printable(f"{made.value} {meaning}".rstrip())


def _origin(made: "Value") -> str:
    return printable(f"{made.origin} {made.where}".rstrip())
