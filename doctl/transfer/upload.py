"""Who may have pieces from us, and when: upload slots, turns, and the limits on what one peer may ask."""

import random
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from doctl.transfer.desk import Kind

SLOTS: Final = 4
"""Peers served at a time at most, unless asked otherwise; what Delivery Optimization uses for a device."""
FEW: Final = 2
"""Peers served at a time while pieces take long: what comes in half the time can be passed on that much sooner.

One alone would leave the link idle between two pieces, and where that peer's own link is busy.
"""
QUICK: Final = 4_000_000
"""Bytes a second to each peer from which on more are served: then none waits long for a piece."""
TURN: Final = 0.25
"""Seconds after which a served peer makes room when others wait, as soon as a piece is whole.

All that are interested get their pieces in small change: with long turns, those that wait have nothing to pass on.
"""
IDLE: Final = 2.0
"""Seconds without a byte after which it makes room all the same ..."""
LONGEST_TURN: Final = 30.0
"""... and seconds after which it does in the middle of a piece, which still comes."""
SMOOTHING: Final = 0.3
"""Weight of the newest piece in the speed."""
MAX_QUEUED: Final = 512
"""Requests one peer may have open; more is not a download but an attack."""


class Guest(Protocol):
    """A connection that may be given a slot."""

    @property
    def kind(self) -> Kind:
        """What the peer is to us."""
        ...

    @property
    def brings(self) -> bool:
        """Whether a piece from the peer is on its way to us; what it asks for comes behind that."""
        ...

    def choke(self) -> None:
        """Tell the peer that its requests are not answered for now."""
        ...

    def unchoke(self) -> None:
        """Tell the peer that it may ask."""
        ...


class Slots:
    """Gives out upload slots in turns; who is next is chance, so that machines do not all serve the same one at once.

    ``pick`` is that chance. Who brings us a piece is passed over as long as others wait: the slot would be idle until
    all of that piece is here.
    """

    def __init__(
        self,
        count: int,
        now: Callable[[], float],
        *,
        turn: float = TURN,
        pick: Callable[[Sequence[Guest]], Guest] = random.choice,
    ) -> None:
        self.count = count
        self._now = now
        self._turn = turn
        self._pick = pick
        self._speed = 0.0
        self._served: dict[Guest, float] = {}
        self._latest: dict[Guest, float] = {}
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
        if guest in self._served:
            self._stop(guest)
        self._fill()

    def sought(self) -> bool:
        """Return whether anybody is interested."""
        return bool(self._served or self._waiting)

    def sent(self, guest: Guest, count: int, seconds: float, *, whole: bool) -> None:
        """Note that ``count`` bytes went out to ``guest`` in so many ``seconds``; ``whole``: to the end of a piece."""
        self._speed += SMOOTHING * (count / max(seconds, 1e-6) - self._speed)
        if guest in self._served:
            self._latest[guest] = self._now()
            if whole and self._now() - self._served[guest] >= self._turn:
                self._make_room([guest])

    def going(self, guest: Guest) -> None:
        """Note that bytes go out to ``guest``."""
        if guest in self._latest:
            self._latest[guest] = self._now()

    def take_turns(self) -> None:
        """Let waiting guests have the slots of those whom little goes to; call it every few seconds."""
        now = self._now()
        idle = [guest for guest, latest in self._latest.items() if now - latest >= IDLE]
        slow = [guest for guest, since in self._served.items() if now - since >= LONGEST_TURN]
        self._make_room(list(dict.fromkeys((*idle, *slow))))

    def serve_only(self, may_have: Callable[[Kind], bool]) -> None:
        """Serve only peers whose kind ``may_have`` pieces; others who are served now wait until they may."""
        self._may_have = may_have
        for guest in [guest for guest in self._served if not may_have(guest.kind)]:
            if guest not in self._resting:
                self._waiting[guest] = None
            self._stop(guest)
        self._fill()

    def _make_room(self, guests: Sequence[Guest]) -> None:
        """End the turns of as many of ``guests`` as others wait; they wait behind these for their next turn."""
        others = self._ready()
        ending = guests[: len(others)]
        for guest in ending:
            self._stop(guest)
        self._fill()
        self._waiting.update(dict.fromkeys(ending))
        self._fill()

    def _stop(self, guest: Guest) -> None:
        del self._served[guest], self._latest[guest]
        self._resting.pop(guest, None)
        guest.choke()

    def _fill(self) -> None:
        while (ready := self._ready()) and self._has_room():
            guest = self._pick([guest for guest in ready if not guest.brings] or ready)
            del self._waiting[guest]
            self._served[guest] = self._latest[guest] = self._now()
            guest.unchoke()

    def _ready(self) -> list[Guest]:
        """Return those who wait and might be served."""
        return [guest for guest in self._waiting if self._may_have(guest.kind)]

    def _has_room(self) -> bool:
        """Whether a slot is free; where none is, one of a guest that rests becomes so."""
        count = self.count if self._speed >= QUICK else min(self.count, FEW)
        if len(self._served) >= count and self._resting:
            self._stop(next(iter(self._resting)))
        return len(self._served) < count
