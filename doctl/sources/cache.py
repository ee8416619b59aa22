"""A Connected Cache in the path: where it has a file, and for how long one that fails is left alone."""

import json
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from doctl.endpoints import HTTP_PORT, Address
from doctl.errors import DoctlError, OriginError

REST: Final = 15 * 60.0
"""Seconds that a failing cache host is left alone."""
MOST_NOTES: Final = 100
"""Failures that are remembered; the oldest are forgotten first."""
LATEST: Final = 1e11
"""Seconds since 1970 that no note is later than."""
MOST_BYTES: Final = 64 * 1024
"""Bytes of notes that are read."""


def url_at(host: str, url: str) -> str:
    """Return where the cache ``host`` (HOST or HOST:PORT) has the file at ``url``; UsageError for a host that is none.

    As Connected Cache wants it: the same path over plain HTTP, and the original host in ``cacheHostOrigin``.
    """
    address = Address.parse(host, HTTP_PORT)
    parts = urlsplit(url)
    query = f"{parts.query}&" if parts.query else ""
    literal = f"[{address.host}]" if ":" in address.host else address.host
    netloc = literal if address.port == HTTP_PORT else f"{literal}:{address.port}"
    return urlunsplit(
        ("http", netloc, parts.path or "/", f"{query}cacheHostOrigin={quote(origin_of(url), safe=':[]')}", "")
    )


def origin_of(url: str) -> str:
    """Return the original host of ``url``, with its port where one is named."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


class Rests:
    """Which cache hosts failed, for which original host if for one alone, and until when they rest (since 1970)."""

    def __init__(self, notes: dict[str, float] | None = None) -> None:
        self._notes = notes or {}

    def left(self, host: str, origin: str, now: float) -> float:
        """Return for how many more seconds to leave ``host`` alone for files of ``origin``; 0 when it may be asked."""
        until = max(self._notes.get(host, 0.0), self._notes.get(f"{host} {origin}", 0.0))
        left = until - now
        return left if 0 < left <= REST else 0.0  # longer is what a clock that was set back makes of it

    def failed(self, host: str, origin: str, error: DoctlError, now: float) -> None:
        """Note that ``host`` failed; a 4xx answer says something about files of ``origin`` only."""
        status = error.status if isinstance(error, OriginError) else None
        refused = status is not None and 400 <= status < 500
        self._notes[f"{host} {origin}" if refused else host] = now + REST
        latest = sorted(self._notes.items(), key=lambda note: -note[1])[:MOST_NOTES]
        self._notes = {what: until for what, until in latest if until > now}

    def encode(self) -> bytes:
        """Return the notes as JSON."""
        return json.dumps(self._notes).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Rests":
        """Read what ``encode`` made; anything else is no notes."""
        try:
            notes = json.loads(data)
        except (ValueError, RecursionError):
            return cls()
        if not isinstance(notes, dict):
            return cls()
        times = {what: until for what, until in notes.items() if isinstance(until, int | float)}
        return cls({what: float(until) for what, until in times.items() if 0 <= until <= LATEST})
