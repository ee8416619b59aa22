"""Runs the comparisons and prints each as a ratio; writes every figure to a JSON file.

python3 dev.py bench [--rounds N] [--results FILE]
"""

import argparse
import dataclasses
import json
import os
import platform
import statistics
import tempfile
from pathlib import Path

from benchmarks import coordination
from benchmarks.measure import Figures
from benchmarks.transfers import results

RESULTS = Path(__file__).with_name("results.json")


def machine() -> str:
    """Name the machine as far as a ratio depends on it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} x {names[0] if names else platform.machine()}, Python {platform.python_version()}"


def ratios(figures: list[Figures]) -> str:
    """Write how many times as long each rival took as doctl: the median, and the least and most of paired runs."""
    ours, *others = figures
    rows = []
    for other in others:
        pairs = [theirs.wall / mine.wall for mine, theirs in zip(ours.runs, other.runs, strict=True)]
        middle, spread = statistics.median(pairs), f"{min(pairs):.2f} to {max(pairs):.2f}"
        rows.append(f"  {other.name:<24}{other.wall:7.2f} s   {middle:5.2f} times doctl's ({spread})")
    return "\n".join(rows)


def main() -> None:
    """Run everything in a temporary folder."""
    parser = argparse.ArgumentParser(prog="dev.py bench", description="doctl beside others on this machine")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    record: dict[str, object] = {"machine": machine(), "rounds": options.rounds}
    with tempfile.TemporaryDirectory(prefix="doctl-bench-") as home:
        for name, figures in results(Path(home), options.rounds):
            memory = max(run.memory for run in figures[0].runs)
            print(f"{name}\n  {'doctl':<24}{figures[0].wall:7.2f} s   {memory:.0f} MiB at most\n{ratios(figures)}")
            record[name] = [each.as_json() for each in figures]
    for name, load in coordination.results(coordination.options_of([])):
        print(f"{name}\n  {load}")
        record[name] = dataclasses.asdict(load)
    options.results.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
