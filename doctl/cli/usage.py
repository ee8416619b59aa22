"""How a command says what it is given, in the way of manual pages, and what was wrong with what it got."""

import itertools
import re
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from doctl.errors import UsageError

_OPTION_ALONE: Final = re.compile("--[a-z0-9-]+=")
_PLAINER: Final = (
    ("Value error, ", ""),
    (", unable to parse string as a number", ""),
    (", unable to parse string as an integer", ""),
    ("Input should be a valid integer", "it should be a whole number"),
    ("Input should be a valid number", "it should be a number"),
    ("Input should be", "it should be"),
)
"""What pydantic says of a value for Typer, and the same for whoever wrote that value."""


def told(error: typer.TyperException) -> str:
    """Return in one line what was wrong with a command line, and where Typer does not say what is right, who does."""
    text = error.format_message().removesuffix(".")
    for theirs, ours in _PLAINER:
        text = text.replace(theirs, ours)
    context = getattr(error, "ctx", None)
    if context is None or text.startswith("Invalid value"):
        return text
    return f"{text}; see {context.command_path} --help"


class Command(TyperCommand):
    """A command whose usage line has what must be given bare, ``CODE``, and not in braces as Typer does.

    An empty argument is refused: nobody means one, and an empty path would be the current folder.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what the command is given."""
        for before, value in itertools.pairwise(["", *args]):
            if not ctx.resilient_parsing and (not value or _OPTION_ALONE.fullmatch(value)):
                after = f" after {value.removesuffix('=') or before}" if value or before else ""
                raise UsageError(f"an empty value{after}: write one, or leave it out; is a variable not set?")
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class Group(TyperGroup):
    """A group that hands on to a command's ``--help`` in no time.

    Unless an option is given or has a default of its kind, Typer loads pydantic to see what it is worth: for the
    group's own ``--help``, at each command's start, as much time again as all the rest.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C goes on as Abort, since Typer makes an exit code of it of which nobody is told."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise typer.Abort from error

    def get_help_option(self, ctx: Any) -> Any:
        """Return the group's ``--help``, which is off."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option
