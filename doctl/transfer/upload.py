"""Who may have pieces from us, and when: upload slots, turns, and the limits on what one peer may ask."""

from collections.abc import Callable
from typing import Final, Protocol

from doctl.transfer.desk import Kind

SLOTS: Final = 4
"""Peers served at a time unless asked otherwise; what Delivery Optimization uses for a device."""
TURN: Final = 10.0
"""Seconds after which a served peer makes room when others wait."""
MAX_QUEUED: Final = 512
"""Requests one peer may have open; more is not a download but an attack."""


class Guest(Protocol):
    """A connection that may be given a slot."""

    @property
    def kind(self) -> Kind:
        """What the peer is to us."""
        ...

    def choke(self) -> None:
        """Tell the peer that its requests are not answered for now."""
        ...

    def unchoke(self) -> None:
        """Tell the peer that it may ask."""
        ...


class Slots:
    """Gives out upload slots in turn: first come first served, the longest served leaves first when others wait."""

    def __init__(self, count: int, now: Callable[[], float], *, turn: float = TURN) -> None:
        self.count = count
        self._now = now
        self._turn = turn
        self._served: dict[Guest, float] = {}
        self._waiting: dict[Guest, None] = {}
        self._resting: dict[Guest, None] = {}
        self._may_have: Callable[[Kind], bool] = lambda _kind: True

    def ask(self, guest: Guest) -> None:
        """Note that ``guest`` is interested; it is unchoked when a slot is free."""
        self._resting.pop(guest, None)
        if guest not in self._served:
            self._waiting[guest] = None
            self._fill()

    def rest(self, guest: Guest) -> None:
        """Note that ``guest`` wants nothing just now; it keeps its slot until another needs one.

        A peer that keeps up with a growing file is interested again at the next piece. Choked at once, it would ask
        for that piece before it hears of it, and take the choke for an answer to that.
        """
        self._waiting.pop(guest, None)
        if guest in self._served:
            self._resting[guest] = None
            self._fill()

    def leave(self, guest: Guest) -> None:
        """Note that ``guest`` is gone."""
        self._waiting.pop(guest, None)
        self._resting.pop(guest, None)
        if self._served.pop(guest, None) is not None:
            guest.choke()
        self._fill()

    def take_turns(self) -> None:
        """Let waiting guests have the slots of those served for a whole turn; call it every few seconds."""
        for guest, since in list(self._served.items())[: len(self._ready())]:
            if self._now() - since >= self._turn:
                self._served.pop(guest)
                guest.choke()
                self._waiting[guest] = None
        self._fill()

    def serve_only(self, may_have: Callable[[Kind], bool]) -> None:
        """Serve only peers whose kind ``may_have`` pieces; others who are served now go back to waiting, in front."""
        self._may_have = may_have
        stopped = [guest for guest in self._served if not may_have(guest.kind)]
        wanting = dict.fromkeys(guest for guest in stopped if guest not in self._resting)
        for guest in stopped:
            del self._served[guest]
            self._resting.pop(guest, None)
            guest.choke()
        self._waiting = {**wanting, **self._waiting}
        self._fill()

    def _fill(self) -> None:
        for guest in self._ready():
            if not self._has_room():
                break
            del self._waiting[guest]
            self._served[guest] = self._now()
            guest.unchoke()

    def _ready(self) -> list[Guest]:
        """Return those who wait and might be served."""
        return [guest for guest in self._waiting if self._may_have(guest.kind)]

    def _has_room(self) -> bool:
        """Whether a slot is free; where none is, one of a guest that rests becomes so."""
        if len(self._served) >= self.count and self._resting:
            guest = next(iter(self._resting))
            del self._resting[guest], self._served[guest]
            guest.choke()
        return len(self._served) < self.count
