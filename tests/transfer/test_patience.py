"""How long a failing server is put up with."""

import pytest

from doctl.transfer.patience import Patience

PATIENCE = Patience(tries=5, first=0.5, most=3.0)


@pytest.mark.parametrize(
    ("failures", "asked", "pause"),
    [
        (1, None, 0.5),
        (2, None, 1.0),
        (3, None, 2.0),
        (4, None, 3.0),
        (5, None, None),
        (1, 2.0, 2.0),
        (1, 0.0, 0.5),
        (1, 86_400.0, 3.0),
        (5, 1.0, None),
    ],
)
def test_pauses_grow_and_end(failures: int, asked: float | None, pause: float | None) -> None:
    """They double, are never shorter than that nor longer than the bound, whatever the server asks, and end."""
    assert PATIENCE.pause(failures, asked) == pause
