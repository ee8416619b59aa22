"""Simulates swarms of 10 to 10,000 machines, doctl beside BitTorrent; prints, keeps and draws how long they take.

After these come swarms of 8, 16 and 32 equal machines, those that benchmarks.swarm measures.

python -m benchmarks.simulation [--machines N]... [--seeds N] [--results FILE]
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from benchmarks.bars import draw
from benchmarks.simulation.scenario import CONTENDERS, EQUAL, Outcome, equals, simulate

HERE = Path(__file__).parent
RESULTS = HERE.parent / "simulation.json"
PICTURE = HERE.parent.parent / "docs" / "swarm-size.svg"
SIZES = (10, 100, 1000, 10_000)


def picture(outcomes: Sequence[Outcome]) -> str:
    """Draw the seconds of the slowest machine for each size of swarm of mixed machines."""
    outcomes = [outcome for outcome in outcomes if outcome.lines == "mixed"]
    sizes = list(dict.fromkeys(outcome.machines for outcome in outcomes))
    names = list(dict.fromkeys(outcome.contender for outcome in outcomes))
    seconds = {
        name: [
            statistics.median(o.slowest for o in outcomes if (o.contender, o.machines) == (name, size))
            for size in sizes
        ]
        for name in names
    }
    top = 1.1 * max(second for series in seconds.values() for second in series)
    groups = [f"{size:,}\nmachines" for size in sizes]
    return draw("seconds until the slowest machine has the file", groups, seconds, top, outcomes[0].bound)


def _simulated(lines: str, machines: int, seed: int, contender: str) -> Outcome:
    return (equals if lines == "equal" else simulate)(contender, machines, seed=seed)


def main() -> None:
    """Simulate, print, and keep the results."""
    parser = argparse.ArgumentParser(prog="benchmarks.simulation", description="swarms of any size, simulated")
    parser.add_argument("--machines", type=int, action="append")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    kinds = [("mixed", size) for size in options.machines or SIZES] + [("equal", size) for size in EQUAL]
    swarms = [(*kind, seed, who) for kind in kinds for seed in range(1, options.seeds + 1) for who in CONTENDERS]
    outcomes = []
    with ProcessPoolExecutor() as pool:
        for outcome in pool.map(_simulated, *zip(*swarms, strict=True)):
            outcomes.append(outcome)
            print(outcome, flush=True)
    options.results.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n")
    if options.results == RESULTS:
        PICTURE.write_text(picture(outcomes))


if __name__ == "__main__":
    main()
