"""Whether to let more bytes gather before they are read: on a slow line they come one or two packets at a time."""

from typing import Final

LITTLE: Final = 32 * 1024
"""Bytes that are worth a turn of the loop."""
SLOW: Final = 0.001
"""Seconds in which a fast line brings many packets."""
PAUSE: Final = 0.01
"""Seconds to let bytes gather: 32 KiB at 25 Mbit/s. With eight machines on lines of 50 Mbit/s it saved a third of all
processor time; what is kept waiting is the middle of a piece, of which nobody can make use."""


def pause_after(count: int, left: int, seconds: float) -> float:
    """Return the seconds to wait after ``count`` bytes that took so many ``seconds``, with ``left`` still to come."""
    return PAUSE if count < LITTLE and left > 2 * count and seconds > SLOW else 0.0
