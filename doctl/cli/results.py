"""What commands share whose result is no report: the options for it, JSON, and progress on stderr meanwhile."""

import contextlib
import enum
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from doctl.cli.files import written_to


class ResultFormat(enum.StrEnum):
    """How a result can be written."""

    TEXT = "text"
    JSON = "json"


ResultFormatOption = Annotated[ResultFormat, typer.Option("--format", help="How to write the result.")]
ResultOutputOption = Annotated[Path | None, written_to("result")]


def as_json(result: Mapping[str, object]) -> str:
    """Write a result as indented JSON in ASCII, which any terminal and any pipe can carry.

    Bytes of a file's name that are no text are written as ``\\udcff``: half a pair of code units is no JSON to many.
    """
    whole = {key: _encodable(value) if isinstance(value, str) else value for key, value in result.items()}
    return json.dumps(whole, indent=2) + "\n"


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@contextlib.contextmanager
def progress_bar(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Show on a terminal's stderr how many bytes of ``total`` are done: call what this gives; None elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
