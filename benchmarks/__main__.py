"""Measures doctl beside others on this machine, keeps every figure and writes the table of docs/performance.md.

python3 dev.py bench [TARGET]... [--rounds N] [--results FILE]

Without a TARGET all of them. What was measured before and is not measured now stays in the results.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks import blackhole, coordination, giving_way, machine, memory, serving, start, swarm, table, transfers
from benchmarks.rows import Row

Measure = Callable[[Path, int], Iterator[Row]]
"""Measures a target in a folder, which targets share, in so many rounds."""
TARGETS: Final[dict[str, Measure]] = {
    "peers": transfers.from_peers,
    "http": transfers.over_http,
    "swarm": swarm.rows,
    "serving": serving.rows,
    "memory": memory.rows,
    "background": giving_way.rows,
    "start": start.rows,
    "black-hole": blackhole.rows,
    "joins": coordination.rows,
}
"""Every target, in the order of the table."""


def measured(name: str, home: Path, rounds: int) -> dict[str, Any] | None:
    """Measure a target, print its rows as they come and return what is to be kept; None where nothing could be."""
    others, rows = machine.Others(), []
    try:
        for row in TARGETS[name](home, rounds):
            rows.append(row.as_json())
            print(f"{row.job:<75} {row.ratio:6.2f} of {row.beside}; aim {row.aim}", flush=True)
    except pytest.skip.Exception as absent:
        print(f"{name}: {absent}", flush=True)
    if not rows:
        return None
    return {"machine": machine.named(), "others": round(others.cores(), 2), "rows": rows}


def keep(results: dict[str, Any], file: Path) -> None:
    """Write the results, and where they are the project's own the table that is made of them."""
    in_order = {name: results[name] for name in TARGETS if name in results}
    file.write_text(json.dumps(in_order, indent=1) + "\n", "utf-8")
    if file.resolve() == table.RESULTS:
        table.PAGE.write_text(table.page(table.PAGE.read_text("utf-8"), in_order), "utf-8")


def main() -> None:
    """Measure what was asked for in a temporary folder; what is done is kept even if the rest fails."""
    parser = argparse.ArgumentParser(prog="dev.py bench", description="doctl beside others on this machine")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; without any, all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each pair is measured")
    parser.add_argument("--results", type=Path, default=table.RESULTS, help="where the figures are kept")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    results = json.loads(options.results.read_text("utf-8")) if options.results.exists() else {}
    with tempfile.TemporaryDirectory(prefix="doctl-bench-") as home:
        for name in options.targets or TARGETS:
            if found := measured(name, Path(home), options.rounds):
                results[name] = found
                keep(results, options.results)


if __name__ == "__main__":
    main()
