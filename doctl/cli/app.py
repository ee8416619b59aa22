"""Puts the commands together, and turns whatever a command raises into one line and an exit code."""

import importlib
import itertools
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Any, Final

import typer

from doctl import __version__
from doctl.cli.exits import Exit, of_nagios
from doctl.cli.usage import Command, Group, told
from doctl.errors import DoctlError, UsageError
from doctl.printable import printable
from doctl.report import Status

COMMANDS: Final[tuple[str, ...]] = (
    "check",
    "ports",
    "proxy",
    "vpn",
    "hosts",
    "teredo",
    "wsus",
    "settings",
    "explain",
    "phf",
    "fetch",
    "serve",
    "coordinator",
    "peers",
    "demo",
    "schema",
)
"""Every command, in the order of ``doctl --help``; ``doctl.cli.NAME`` has a function ``command`` or a ``group``.

A module may have ``CONTEXT``, the settings that Typer takes for its command.
"""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"doctl {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Diagnose, script and fetch with Delivery Optimization."""


class _InOrder(Group):
    """Lists the commands as COMMANDS has them, those with commands of their own too."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        return sorted(super().list_commands(ctx), key=COMMANDS.index)


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Make the application from the commands ``names``; their modules are loaded, what they use is not.

    Typer's options that set up completion belong to all of doctl. Where they exist, each start loads pydantic to read
    that they were not given, which takes as long as the rest of a ``--help``.
    """
    app = typer.Typer(
        name="doctl",
        cls=_InOrder,
        add_completion=names is COMMANDS,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for name in names:
        module = importlib.import_module(f"doctl.cli.{name}")
        if group := getattr(module, "group", None):
            app.add_typer(group, name=name)
        else:
            app.command(name, cls=Command, context_settings=getattr(module, "CONTEXT", None))(module.command)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run the command line, write out what it said and return the exit code; never raises, never prints a traceback.

    Whatever goes wrong is Nagios' UNKNOWN to a caller that asked for ``--format nagios``.
    """
    try:
        code = _run(list(arguments)) if arguments else _run(["--help"]) or Exit.USAGE
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left: nothing more to say
        return Exit.FAILED
    except (Exception, KeyboardInterrupt) as error:  # the last resort: a bug is one line too
        what, code = _outcome(error)
        return _say_to_nagios(what) if _asks_for_nagios(arguments) else _say(what, code)


def _outcome(error: BaseException) -> tuple[str, Exit]:
    """Return the line and the exit code for whatever ended the command."""
    if isinstance(error, typer.TyperException):
        return told(error), Exit.USAGE
    if isinstance(error, UsageError):
        return str(error), Exit.USAGE
    if isinstance(error, DoctlError):
        return str(error), Exit.FAILED
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return "interrupted", Exit.INTERRUPTED
    return _of_bug(error), Exit.BUG


def _run(arguments: list[str]) -> int:
    wanted = [arguments[0]] if arguments[0] in COMMANDS else COMMANDS
    return int(build(wanted)(arguments, prog_name="doctl", standalone_mode=False) or 0)


def _asks_for_nagios(arguments: Sequence[str]) -> bool:
    return "--format=nagios" in arguments or ("--format", "nagios") in itertools.pairwise(arguments)


def _of_bug(error: BaseException) -> str:
    if os.environ.get("DOCTL_DEBUG"):
        traceback.print_exc()
    what = f"{type(error).__name__}: {error}"
    return f"a bug in doctl ({what}); set DOCTL_DEBUG=1 to see where it happened, and please report it"


def _say(what: str, code: Exit) -> Exit:
    sys.stderr.write(f"doctl: {_in_a_line(what)}\n")
    return code


def _say_to_nagios(what: str) -> int:
    """Nagios shows what a plugin writes to standard output, and takes 3 for UNKNOWN."""
    try:
        sys.stdout.write(f"DOCTL UNKNOWN - {_in_a_line(what).replace('|', '/')}\n")
        sys.stdout.flush()
    except OSError:  # what cannot be written is what went wrong
        _say(what, Exit.FAILED)
    return of_nagios(Status.UNKNOWN)


def _in_a_line(text: str) -> str:
    return printable(" ".join(text.split()))
