"""How a command says what it is given: in the way of manual pages."""

from typing import Any

from typer.core import TyperCommand


class Command(TyperCommand):
    """A command whose usage line has what must be given bare, ``CODE``, and not in braces as Typer does."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]
