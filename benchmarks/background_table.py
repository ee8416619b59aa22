"""Writes what ``benchmarks.background`` measured into the documentation: tables between two marks, and pictures.

python3 -m benchmarks.background_table     prints docs/background.md with what benchmarks/background.json has
"""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.bars import draw
from benchmarks.table import between

HERE = Path(__file__).parent
RESULTS = HERE / "background.json"
PAGE = HERE.parent / "docs" / "background.md"
BEGIN, END = "<!-- what python3 dev.py bench links wrote -->", "<!-- to here -->"
PLAIN = "plain TCP"


class Cell(NamedTuple):
    """One contender on a link: percent that the foreground keeps, percent of what it could have alone, ms of queue."""

    kept: float
    alone: float
    queue: float

    def __str__(self) -> str:
        return f"{self.kept:.0f} % · {self.alone:.0f} % · {self.queue:.0f} ms"


PICTURES = (
    ("foreground", "foreground keeps, % of what it has alone", 110, 97),
    ("alone", "background alone, % of plain TCP's", 110, 95),
    ("queue", "queue added by the background alone, ms", 60, 25),
)
"""The file, the title, the value at the upper edge, what is aimed at; in the order of a cell's figures."""


def page(text: str, record: Mapping[str, Any]) -> str:
    """Return the page ``text`` with the figures of ``record`` between its marks."""
    return between(text, BEGIN, END, "\n".join(_lines(record)))


def write(record: Mapping[str, Any]) -> None:
    """Write the page and its pictures."""
    PAGE.write_text(page(PAGE.read_text("utf-8"), record), "utf-8")
    links = cells(record["points"], PLAIN)
    groups = [f"{rate:g} Mbit/s\n{buffer_ms} ms" for rate, buffer_ms in links]
    for place, (name, title, top, line) in enumerate(PICTURES):
        series = {who: [link[who][place] for link in links.values()] for who in next(iter(links.values()))}
        PAGE.with_name(f"background-{name}.svg").write_text(draw(title, groups, series, top, line), "utf-8")


def cells(points: Iterable[Mapping[str, Any]], beside: str = "") -> dict[tuple[float, int], dict[str, Cell]]:
    """Return what each contender did on each link; what it has alone is of what ``beside`` has, else of the link."""
    links: dict[tuple[float, int], dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for point in points:
        links[point["rate"], point["buffer_ms"]][point["contender"]] = point
    return {
        link: {who: _cell(point, here[beside]["alone"] if beside else link[0]) for who, point in here.items()}
        for link, here in links.items()
    }


def _cell(point: Mapping[str, Any], all_of_it: float) -> Cell:
    kept = 100 * point["foreground"] / point["foreground_alone"]
    return Cell(kept, 100 * point["alone"] / all_of_it, point["queue_ms"])


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    yield from _table(cells(record["points"], PLAIN))
    busy = [point["others"] for point in record["points"]]
    yield (
        f"{record['seconds']:g} seconds for each figure; {record['machine']}, of whose cores other programs kept "
        f"{statistics.median(busy):.1f} busy meanwhile in the median, {max(busy):.1f} at most."
    )
    yield ""
    yield "An upload that aims at another delay; what it has alone is of the link here:"
    yield ""
    yield from _table(cells(record["targets"]))
    yield from _others(record)


def _table(links: Mapping[tuple[float, int], Mapping[str, Cell]]) -> Iterator[str]:
    contenders = list(next(iter(links.values())))
    yield f"| link | buffer | {' | '.join(contenders)} |"
    yield "| --- " * (len(contenders) + 2) + "|"
    for (rate, buffer_ms), found in links.items():
        yield f"| {rate:g} Mbit/s | {buffer_ms} ms | {' | '.join(map(str, found.values()))} |"
    yield ""


def _others(record: Mapping[str, Any]) -> Iterator[str]:
    yield "| where nobody else is | plain TCP | giving way | ratio, median of the pairs |"
    yield "| --- | --- | --- | --- |"
    for cost in record["costs"]:
        ratios = [ours / theirs for ours, theirs in zip(cost["giving_way"], cost["plain"], strict=True)]
        speeds = [f"{statistics.median(cost[who]):,.0f} Mbit/s" for who in ("plain", "giving_way")]
        spread = f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
        yield f"| {cost['place']} | {' | '.join(speeds)} | {spread} |"
    yield ""
    yield "| two uploads, one of them late | the first | the late one | of an equal share | in its first 5 s |"
    yield "| --- | --- | --- | --- | --- |"
    for each in record["shares"]:
        of_equal = 200 * each["late"] / (each["first"] + each["late"])
        link = f"{each['rate']:g} Mbit/s, {each['buffer_ms']} ms of buffer"
        speeds = [f"{each[who]:.1f} Mbit/s" for who in ("first", "late")]
        yield f"| {link} | {' | '.join(speeds)} | **{of_equal:.0f} %** | {each['soon']:.1f} Mbit/s |"


if __name__ == "__main__":
    print(page(PAGE.read_text("utf-8"), json.loads(RESULTS.read_text("utf-8"))), end="")
