"""How long to put up with a server that fails, and when to ask it again."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """``tries`` in a row without progress, with pauses that double from ``first`` up to ``most`` seconds.

    ``head`` is the seconds that the head of an answer may take, however slowly its bytes drip in.
    """

    tries: int = 5
    first: float = 0.5
    most: float = 30.0
    head: float = 60.0

    def pause(self, failures: int, asked: float | None = None) -> float | None:
        """Return the seconds to wait after so many failures in a row, None when it is time to give up.

        ``asked`` is what the server asks for; it can make the pause longer, but not longer than ``most``.
        """
        doubled: float = self.first * 2 ** (failures - 1)
        return min(self.most, max(asked or 0.0, doubled)) if failures < self.tries else None
