"""How long doctl takes to begin: ``--version`` beside a Python that does nothing, ``--help`` beside a bare Typer's."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Command, in_turn
from benchmarks.rows import Row, at_most
from doctl.cli.app import COMMANDS

TIMES = 4
"""Runs for each round: they are short, and each is as long as what else the machine does lets it be."""
DOCTL = (sys.executable, "-m", "doctl")


def rows(home: Path, rounds: int) -> Iterator[Row]:
    """Start everything in turn."""
    contenders: dict[str, Command] = {
        "nothing": (sys.executable, "-c", "pass"),
        "--version": (*DOCTL, "--version"),
        "bare": (sys.executable, Path(__file__).with_name("bare_typer.py"), "--help"),
    }
    helps = [f"{command} --help".strip() for command in ("", *COMMANDS, "phf create", "phf show", "phf verify")]
    contenders |= {words: (*DOCTL, *words.split()) for words in helps}
    runs = in_turn(contenders, home, rounds * TIMES)
    took = {words: [1000 * run.wall for run in each] for words, each in runs.items()}
    yield Row("doctl --version", "ms", took["--version"], "python -c pass", took["nothing"], at_most(3))
    yield _of_help("doctl --help", took["--help"], took["bare"])
    found = [_of_help(f"doctl {words}", took[words], took["bare"]) for words in helps[1:]]
    slowest = max(found, key=lambda row: row.ratio)
    also = {f"ratio of {row.job}": row.ratios for row in found}
    yield replace(slowest, job=f"{slowest.job}, the slowest of all commands'", also=also)


def _of_help(job: str, ours: list[float], bare: list[float]) -> Row:
    return Row(job, "ms", ours, "a bare Typer app's --help", bare, at_most(1))
