"""Every check at once on a network that swallows everything: how long it takes to say so."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import in_turn
from benchmarks.rows import Row, at_most
from benchmarks.transfers import DOCTL
from tests import namespaces
from tests.cli.test_check import concrete_names

TIMEOUT = 3.0
"""Seconds for each probe."""


def rows(home: Path, rounds: int) -> Iterator[Row]:
    """Check without names, and with an address for each name, so that every connection is tried."""
    with namespaces.black_hole() as host:
        yield _row(host, home, rounds, "names are swallowed too")
        host.set_names({name: f"198.51.100.{number}" for number, name in enumerate(concrete_names(), 1)})
        yield _row(host, home, rounds, "names have addresses")


def _row(host: namespaces.Host, home: Path, rounds: int, how: str) -> Row:
    command = host.inside(*DOCTL, "check", "--timeout", f"{TIMEOUT:g}", "-q", "--output", "report.txt")
    runs = in_turn({"doctl": command}, home, rounds, good=(1, 3))["doctl"]
    return Row(
        job=f"all checks with --timeout {TIMEOUT:g} in a black hole, {how}",
        unit="s",
        ours=[run.wall for run in runs],
        beside="the timeout and a second",
        theirs=[TIMEOUT + 1],
        aim=at_most(1),
        also={"processor seconds": [run.cpu for run in runs]},
    )
