"""Uploads beside the foreground on two of the links of ``benchmarks.background``, which has them all."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks import machine
from benchmarks.background import Point, points
from benchmarks.contenders import CONTENDERS
from benchmarks.cost import Cost, costs
from benchmarks.rows import Row, at_least, at_most

LINKS = ((10, 25), (100, 200))
"""Mbit/s, and milliseconds of buffer: little of both, and much."""
SECONDS = 5.0
TRIES = 2
"""How often, at most, while other programs are busy."""
BESIDE = {name: CONTENDERS[name] for name in ("doctl, upload", "uTP", "plain TCP")}
MOST_QUEUE = 25.0
"""Milliseconds."""


def rows(home: Path, rounds: int) -> Iterator[Row]:
    """Measure doctl, plain TCP and libtorrent's uTP on each link in turn, then what giving way costs on idle ones."""
    with machine.ahead():
        for link in LINKS:
            in_turn = (points(home, link, SECONDS, TRIES, BESIDE) for _ in range(rounds))
            taken = [{each.contender: each for each in found} for found in in_turn]
            ours, utp, plain = ([each[name] for each in taken] for name in BESIDE)
            yield from _of_link("{} Mbit/s with {} ms of buffer".format(*link), ours, utp, plain)
        yield from map(_of_idle, costs(rounds))


def _of_idle(cost: Cost) -> Row:
    return Row(
        job=f"uploads that give way where nobody else is, {cost.place}",
        unit="Mbit/s",
        ours=cost.giving_way,
        beside="the same without",
        theirs=cost.plain,
        aim=at_least(0.9),
    )


def _of_link(link: str, ours: list[Point], utp: list[Point], plain: list[Point]) -> Iterator[Row]:
    yield Row(
        job=f"foreground beside doctl's uploads, {link}",
        unit="Mbit/s",
        ours=[point.foreground for point in ours],
        beside="foreground alone",
        theirs=[point.foreground_alone for point in ours],
        aim=at_least(0.97),
        also={"percent left by uTP": [p.share for p in utp], "percent left by plain TCP": [p.share for p in plain]},
    )
    yield Row(
        job=f"uploads with nobody else there, {link}",
        unit="Mbit/s",
        ours=[point.alone for point in ours],
        beside="plain TCP",
        theirs=[point.alone for point in plain],
        aim=at_least(0.95),
        also={"uTP, Mbit/s": [point.alone for point in utp]},
    )
    yield Row(
        job=f"queue that uploads add, {link}",
        unit="ms",
        ours=[point.queue_ms for point in ours],
        beside="the limit",
        theirs=[MOST_QUEUE],
        aim=at_most(1),
        also={"uTP, ms": [p.queue_ms for p in utp], "plain TCP, ms": [p.queue_ms for p in plain]},
    )
