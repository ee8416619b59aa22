"""Waiting for what tells no events: a file that grows, another program's state."""

import time
from collections.abc import Callable
from typing import Final

LONG: Final = 100.0
"""Seconds after which it will not come any more, on a busy machine too."""


def until(true: Callable[[], bool], seconds: float = LONG, *, what: str = "it") -> None:
    """Look again and again until something is true; ``what`` names it for whoever reads that it never was."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not come in {seconds:g} s"
        time.sleep(0.02)
