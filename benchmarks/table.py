"""Writes the results into the documentation: a table between two marks, made of nothing but the results file.

python3 -m benchmarks.table        prints docs/performance.md with the table that benchmarks/results.json has
"""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- what python3 dev.py bench wrote -->", "<!-- to here -->"
HEAD = "| job | doctl | beside it | ratio: median, least to most | aim |"


def page(text: str, results: Mapping[str, Any]) -> str:
    """Return the page ``text`` with the table of ``results`` between its marks."""
    return between(text, BEGIN, END, table(results))


def between(text: str, begin: str, end: str, what: str) -> str:
    """Return ``text`` with ``what`` between its marks; ValueError if it lacks one."""
    before, mark, rest = text.partition(begin)
    _, other, after = rest.partition(end)
    if not (mark and other):
        raise ValueError(f"the page lacks {begin} or {end}")
    return f"{before}{begin}\n\n{what}\n\n{end}{after}"


def table(results: Mapping[str, Any]) -> str:
    """Return the table and, below it, when and where each part was measured."""
    rows = [line for target in results.values() for line in map(_row, target["rows"])]
    return "\n".join([HEAD, "| --- " * (HEAD.count("|") - 1) + "|", *rows, "", *_circumstances(results)])


def _row(row: Mapping[str, Any]) -> str:
    middle, least, most = row["ratio"]
    spread = f"**{_plain(middle)}**" + (f" ({_plain(least)} to {_plain(most)})" if len(row["doctl"]) > 1 else "")
    ours, theirs = (f"{_plain(statistics.median(row[who]))} {row['unit']}" for who in ("doctl", "has"))
    aim = f"{row['aim']}{'' if row['reached'] else ': **not reached**'}"
    return f"| {row['job']} | {ours} | {row['beside']}: {theirs} | {spread} | {aim} |"


def _circumstances(results: Mapping[str, Any]) -> Iterator[str]:
    """Say of each machine what was measured on it, in how many rounds, and how many cores others used meanwhile."""
    machines: dict[str, list[str]] = {}
    for name, target in results.items():
        what = f"{name} ({_rounds(target['rows'])}, {target['others']:.1f})"
        machines.setdefault(target["machine"], []).append(what)
    for machine, names in machines.items():
        yield f"{machine}. Rounds, and the cores that other programs kept busy meanwhile: {', '.join(names)}."


def _rounds(rows: Sequence[Mapping[str, Any]]) -> str:
    most = max(len(row["doctl"]) for row in rows)
    return f"{most} round{'s' if most > 1 else ''}"


def _plain(figure: float) -> str:
    """Write a figure to three digits, all those before the point."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


if __name__ == "__main__":
    print(page(PAGE.read_text("utf-8"), json.loads(RESULTS.read_text("utf-8"))), end="")
