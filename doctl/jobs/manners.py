"""What is said of how transfers give way."""

from collections.abc import Callable


def told_once(say: Callable[[str], None], what: str, *, wanted: bool) -> Callable[[str], None]:
    """Return what tells ``say`` by what means ``what`` (uploads, downloads) give way, each once, if ``wanted``."""
    told: set[str] = set()

    def tell(means: str) -> None:
        if wanted and means not in told:
            told.add(means)
            say(f"{what} give way to everything else: {means}")

    return tell
