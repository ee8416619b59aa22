"""``doctl schema``: prints the JSON Schema of what doctl writes as JSON."""

import enum
from importlib.resources import files
from typing import Annotated

import typer

from doctl.cli.delivery import put
from doctl.cli.results import ResultOutputOption


class Kind(enum.StrEnum):
    """What has a schema; each is a file in ``doctl.output``'s folder of schemas."""

    REPORT = "report"
    FETCH = "fetch"
    EXPLAIN = "explain"


def command(
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="The output to describe.")],
    output: ResultOutputOption = None,
) -> int:
    """Print the JSON Schema of what doctl writes.

    The draft is 2020-12."""
    put(files("doctl.output").joinpath("schema", f"{kind}.json").read_text("utf-8"), output)
    return 0
