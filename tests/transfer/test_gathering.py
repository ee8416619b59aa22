"""Bytes of a slow line gather before they are read; nothing else waits."""

import pytest

from doctl.transfer.gathering import LITTLE, PAUSE, SLOW, pause_after


@pytest.mark.parametrize(
    ("count", "left", "seconds", "paused"),
    [
        (1448, 1 << 20, 2 * SLOW, True),
        (1448, 1 << 20, SLOW / 2, False),
        (LITTLE, 1 << 20, 1.0, False),
        (1448, 2 * 1448, 1.0, False),
        (1448, 0, 1.0, False),
    ],
    ids=["a packet", "more came at once", "enough", "the last of it", "between messages"],
)
def test_only_the_middle_of_what_comes_slowly_waits(count: int, left: int, seconds: float, paused: bool) -> None:
    """Where little came, slowly, and much is to come, more is let gather; the end of a piece is read at once."""
    assert pause_after(count, left, seconds) == (PAUSE if paused else 0.0)
