"""What is said of how uploads give way."""

from collections.abc import Callable


def told_once(say: Callable[[str], None], *, wanted: bool) -> Callable[[str], None]:
    """Return what tells ``say`` by what means uploads give way, each of them once, if that is ``wanted``."""
    told: set[str] = set()

    def tell(means: str) -> None:
        if wanted and means not in told:
            told.add(means)
            say(f"uploads give way to everything else: {means}")

    return tell
