"""The simulated swarms: they would notice if the plan, the turns at the origin or the slots became worse."""

import pytest

from benchmarks.simulation.scenario import EQUAL, equals, simulate
from benchmarks.simulation.swarm import Churn, File


@pytest.mark.parametrize("machines", EQUAL)
def test_a_swarm_of_equals_is_close_to_the_bound(machines: int) -> None:
    """The last of all that start at once is done within 1.25 times the bound, and the origin sends about one copy."""
    found = equals("doctl", machines)
    assert (found.left, found.done) == (0, machines)
    assert found.ratio <= 1.25
    assert found.from_origin <= 1.2
    rival = equals("BitTorrent", machines)
    assert found.slowest < rival.slowest
    assert found.from_origin < rival.from_origin


def test_a_swarm_ten_times_as_large_takes_little_longer() -> None:
    """On mixed lines, with machines that come and go, a hundred take less than twice as long as ten."""
    ten, hundred = simulate("doctl", 10), simulate("doctl", 100)
    assert (ten.left, hundred.left) == (0, 0)
    assert hundred.slowest < 2 * ten.slowest
    assert (ten.from_origin, hundred.from_origin) < (1.5, 3)
    assert max(ten.wasted, hundred.wasted) < 0.05


def test_lines_may_be_slow() -> None:
    """Where a piece takes seconds nobody loses patience, neither with the origin's turns nor with peers."""
    found = simulate("doctl", 4, file=File(16, 1 << 20), lines=((1.0, 4.0, 8.0),), origin=4.0, churn=Churn())
    assert (found.left, found.done) == (0, 4)
    assert found.ratio < 1.5
    assert found.from_origin < 1.3
    assert found.wasted < 0.1
