"""Puts the commands together, and turns whatever a command raises into one line and an exit code."""

import importlib
import itertools
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Final

import typer

from doctl import __version__
from doctl.cli.exits import Exit
from doctl.errors import DoctlError, UsageError
from doctl.printable import printable

COMMANDS: Final[tuple[str, ...]] = ("fetch", "serve", "demo", "phf")
"""Every command, in the order of ``doctl --help``; ``doctl.cli.NAME`` has a function ``command`` or a ``group``."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"doctl {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Diagnose, script and fetch with Delivery Optimization."""


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Make the application from the commands ``names``; their modules are loaded, what they use is not."""
    app = typer.Typer(name="doctl", rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_root)
    for name in names:
        module = importlib.import_module(f"doctl.cli.{name}")
        if group := getattr(module, "group", None):
            app.add_typer(group, name=name)
        else:
            app.command(name)(module.command)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit code; never raises, never prints a traceback."""
    try:
        return _run(list(arguments)) if arguments else _run(["--help"]) or Exit.USAGE
    except (typer.TyperException, UsageError) as error:
        return _say(error, 3 if _asks_for_nagios(arguments) else Exit.USAGE)
    except DoctlError as error:
        return _say(error, Exit.FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return _say("interrupted", Exit.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left: nothing more to say
        return Exit.FAILED
    except Exception as error:  # the last resort: a bug is one line too, with an exit code of its own
        return _say(_of_bug(error), Exit.BUG)


def _run(arguments: list[str]) -> int:
    wanted = [arguments[0]] if arguments[0] in COMMANDS else COMMANDS
    return int(build(wanted)(arguments, prog_name="doctl", standalone_mode=False) or 0)


def _asks_for_nagios(arguments: Sequence[str]) -> bool:
    return "--format=nagios" in arguments or ("--format", "nagios") in itertools.pairwise(arguments)


def _of_bug(error: Exception) -> str:
    if os.environ.get("DOCTL_DEBUG"):
        traceback.print_exc()
    what = f"{type(error).__name__}: {error}"
    return f"a bug in doctl ({what}); set DOCTL_DEBUG=1 to see where it happened, and please report it"


def _say(what: object, code: int) -> int:
    text = what.format_message() if isinstance(what, typer.TyperException) else str(what)
    sys.stderr.write(f"doctl: {printable(' '.join(text.split()))}\n")
    return code
