"""How fast the link is, found out by letting everything in for a moment now and then."""

from typing import Final

WARM_UP: Final = 0.5
"""Seconds at full speed before it counts: connections have to get going, and what lay in buffers comes at once."""
LOOK: Final = 0.5
"""Seconds that count."""
IDLE: Final = 0.5
"""Seconds without a byte after which it begins anew: then it was not the link that was slow."""
AGAIN: Final = 300.0
"""Seconds after which it is measured anew."""


class LinkSpeed:
    """Bytes a second that others than LAN peers bring when nothing holds them back; time is an argument."""

    def __init__(self) -> None:
        self._speed: float | None = None
        self._since: float | None = None
        self._last = self._measured_at = 0.0
        self._counted = 0

    @property
    def limiting(self) -> float | None:
        """The speed; None while it is being measured, when nothing must hold the bytes back."""
        return self._speed if self._since is None else None

    def came(self, count: int, now: float) -> bool:
        """Note ``count`` bytes that came; return whether ``limiting`` is another now."""
        gap, self._last = now - self._last, now
        if self._since is None:
            return self._begin(now)
        if gap > IDLE:
            self._since, self._counted = now, 0
        looked = now - self._since - WARM_UP
        if looked > 0:
            self._counted += count
        if looked < LOOK:
            return False
        self._speed, self._since, self._measured_at = self._counted / looked, None, now
        return True

    def _begin(self, now: float) -> bool:
        """Measure if it is time to; return whether there was a speed until now."""
        if self._speed is not None and now - self._measured_at < AGAIN:
            return False
        self._since, self._counted = now, 0
        return self._speed is not None
