"""The options that all check commands share."""

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from doctl.cli.files import written_to
from doctl.output import Format

LONGEST_TIMEOUT = 3600.0


class FailOn(enum.StrEnum):
    """From which status on the exit code is 1."""

    FAIL = "fail"
    WARN = "warn"


def _seconds(value: float) -> float:
    if not 0.01 <= value <= LONGEST_TIMEOUT:  # false for nan as well
        raise typer.BadParameter(f"{value:g} is not a number of seconds from 0.01 to {LONGEST_TIMEOUT:g}")
    return value


FormatOption = Annotated[Format, typer.Option("--format", help="How to write the report.")]
OutputOption = Annotated[Path | None, written_to("report")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", callback=_seconds, help="How long each probe may take.")
]
FailOnOption = Annotated[FailOn, typer.Option("--fail-on", help="The mildest status that makes the exit code 1.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show the facts behind each verdict.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress; of a text report only the problems.")]


@dataclass(frozen=True, slots=True)
class Common:
    """What the shared options were given as. ``timeout`` is in seconds and for each probe."""

    format: Format = Format.TEXT
    output: Path | None = None
    timeout: float = 5.0
    fail_on: FailOn = FailOn.FAIL
    verbose: bool = False
    quiet: bool = False
