"""Uploads beside the foreground on two of the links of ``benchmarks.background``, which has them all."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.background import Point, points
from benchmarks.rows import Row, at_least, at_most

LINKS = ((10, 25), (100, 200))
"""Mbit/s, and milliseconds of buffer: little of both, and much."""
SECONDS = 5.0
MOST_QUEUE = 25.0
"""Milliseconds."""


def rows(_home: Path, rounds: int) -> Iterator[Row]:
    """Measure doctl, plain TCP and libtorrent's uTP on each link, one after the other."""
    for rate, buffer_ms in LINKS:
        taken = [{point.contender: point for point in points(rate, buffer_ms, SECONDS)} for _ in range(rounds)]
        ours, utp, plain = ([each[name] for each in taken] for name in ("doctl", "uTP", "plain TCP"))
        yield from _of_link(f"{rate} Mbit/s with {buffer_ms} ms of buffer", ours, utp, plain)


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
