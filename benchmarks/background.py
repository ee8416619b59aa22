"""Giving way on a bottleneck: doctl's uploads and background downloads beside plain TCP and libtorrent's uTP.

python3 dev.py bench links [--seconds N] [--tries N] [--rate MBIT]... [--buffer MS]... [--results FILE]     (as root)

iperf3 is in the foreground. It keeps every figure, and where they are the project's own the pictures and the tables of
docs/background.md that are made of them.
"""

import argparse
import functools
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from benchmarks import background_table, cost, machine, sharing
from benchmarks.bottleneck import bottleneck, measure
from benchmarks.contenders import CONTENDERS, TARGETS, Start

T = TypeVar("T")

FOR_TARGETS = ((20, 25), (20, 200), (100, 25))
"""Links on which different targets are tried: Mbit/s, and milliseconds of buffer."""


@dataclass(frozen=True)
class Point:
    """One contender on one link. Rates are Mbit/s of all bytes on the wire but ``foreground``, which is payload.

    ``others`` is how many cores other programs kept busy meanwhile.
    """

    rate: float
    buffer_ms: int
    contender: str
    alone: float
    queue_ms: float
    foreground: float
    foreground_alone: float
    others: float

    @property
    def share(self) -> float:
        """What the foreground keeps, in percent of what it has alone."""
        return 100 * self.foreground / self.foreground_alone

    def __str__(self) -> str:
        link = f"{self.rate:4g} Mbit/s {self.buffer_ms:4} ms"
        figures = f"foreground {self.share:5.1f} %  alone {self.alone:6.2f}  queue {self.queue_ms:6.1f} ms"
        return f"{link}  {self.contender:<14} {figures}  others {self.others:.1f}"


def points(
    home: Path, link: tuple[float, int], seconds: float, tries: int, contenders: Mapping[str, Start]
) -> Iterator[Point]:
    """Measure ``contenders`` on a link, Mbit/s and milliseconds, each of them alone and in the way of a foreground."""
    nobody = max(_foreground(link, seconds) for _ in range(tries))  # a busy machine can only take from it
    for name, start in contenders.items():
        taken, others = machine.quietest(functools.partial(_contend, home, link, seconds, start), tries)
        yield Point(*link, name, *taken, nobody, others)


def _foreground(where: tuple[float, int], seconds: float) -> float:
    with bottleneck(*where) as link:
        return link.foreground(seconds)


def _contend(home: Path, where: tuple[float, int], seconds: float, start: Start) -> tuple[float, float, float]:
    with bottleneck(*where) as link:
        return measure(link, functools.partial(start, link, home), seconds)


def _told(results: Iterable[T]) -> Iterator[T]:
    """Print each result as it comes."""
    for result in results:
        print(result, flush=True)
        yield result


def _measured(
    links: Iterable[tuple[float, int]], contenders: Mapping[str, Start], home: Path, options: argparse.Namespace
) -> list[dict[str, Any]]:
    found = (points(home, link, options.seconds, options.tries, contenders) for link in links)
    return [asdict(point) for point in _told(itertools.chain.from_iterable(found))]


def _everything(options: argparse.Namespace) -> dict[str, Any]:
    links = [(rate, buffer) for rate in options.rate or (10, 20, 100) for buffer in options.buffer or (10, 25, 200)]
    with tempfile.TemporaryDirectory(prefix="doctl-bench-") as home, machine.ahead():
        measured = _measured(links, CONTENDERS, Path(home), options)
        targets = _measured(FOR_TARGETS, TARGETS, Path(home), options)
        costs = [asdict(each) for each in _told(cost.costs())]
        shares = [asdict(each) for each in _told(sharing.shares(*link) for link in sharing.LINKS)]
    return {
        "machine": machine.named(),
        "seconds": options.seconds,
        "points": measured,
        "targets": targets,
        "costs": costs,
        "shares": shares,
    }


def main() -> None:
    """Measure, print, and keep the results."""
    parser = argparse.ArgumentParser(prog="dev.py bench links", description="giving way beside others")
    parser.add_argument("--seconds", type=float, default=10, help="for each figure")
    parser.add_argument("--tries", type=int, default=3, help="how often at most, while other programs are busy")
    parser.add_argument("--rate", type=float, action="append", help="Mbit/s of the link, repeatable")
    parser.add_argument("--buffer", type=int, action="append", help="milliseconds of buffer, repeatable")
    parser.add_argument("--results", type=Path, default=background_table.RESULTS, help="where the figures are kept")
    options = parser.parse_args()
    try:
        record = _everything(options)
    except pytest.skip.Exception as absent:
        parser.exit(1, f"{absent}\n")
    options.results.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if options.results.resolve() == background_table.RESULTS:
        background_table.write(record)


if __name__ == "__main__":
    main()
