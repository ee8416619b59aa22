"""How a command says what it is given: in the way of manual pages."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command whose usage line has what must be given bare, ``CODE``, and not in braces as Typer does."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class Group(TyperGroup):
    """A group that hands on to a command's ``--help`` in no time.

    Unless an option is given or has a default of its kind, Typer loads pydantic to see what it is worth: for the
    group's own ``--help``, at each command's start, as much time again as all the rest.
    """

    def get_help_option(self, ctx: Any) -> Any:
        """Return the group's ``--help``, which is off."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option
