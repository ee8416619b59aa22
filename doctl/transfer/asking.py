"""When the pieces that were taken are asked of a peer: all at once, or no faster than others leave room for."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from doctl.net.base import Controller
from doctl.wire import messages as m

BLOCK: Final = 1 << 20
"""Bytes in one request at the most: a whole piece as Delivery Optimization cuts it; it must fit into one message."""
PACKET: Final = 1448
"""Bytes of data in a packet, as they are on Ethernet."""


class Asking(Protocol):
    """Asks one peer for pieces."""

    def want(self, piece: int, size: int) -> None:
        """Ask for a piece, now or later, after those before it."""
        ...

    def begins(self, piece: int, offset: int) -> None:
        """Hear that the first bytes of an answer are here."""
        ...

    def came(self, block: m.Piece) -> None:
        """Hear that all of an answer is here."""
        ...

    def leave(self, piece: int, size: int) -> list[m.Request]:
        """Ask for no more of a piece, and return what may still be asked for of it."""
        ...

    def close(self) -> None:
        """Ask for nothing any more."""
        ...


class Eager:
    """Asks for everything at once."""

    def __init__(self, say: Callable[[m.Control], None]) -> None:
        self._say = say

    def want(self, piece: int, size: int) -> None:
        """Ask for all of a piece."""
        for request in _blocks(piece, size):
            self._say(request)

    def begins(self, piece: int, offset: int) -> None:
        """Go on."""

    def came(self, block: m.Piece) -> None:
        """Go on."""

    def leave(self, piece: int, size: int) -> list[m.Request]:
        """Return every request of the piece."""
        return _blocks(piece, size)

    def close(self) -> None:
        """Go on."""


@dataclass(frozen=True, slots=True)
class _Asked:
    request: m.Request
    at: float


class Sparing:
    """Bounds what is asked for and has not come, as ``controller`` says.

    A round trip is the time from a request to the first bytes of its answer. Requests are a quarter of the window, so
    that the next ones are on their way while an answer comes.
    """

    means = "LEDBAT++ of doctl's own, by asking for less"

    def __init__(self, say: Callable[[m.Control], None], controller: Controller, now: Callable[[], float]) -> None:
        self._say = say
        self._controller = controller
        self._now = now
        self._ahead: deque[m.Request] = deque()
        self._open: dict[tuple[int, int], _Asked] = {}
        self._in_flight = 0
        self._rtt = 0.0
        self._resting: asyncio.TimerHandle | None = None

    def want(self, piece: int, size: int) -> None:
        """Ask for a piece when its turn comes."""
        self._ahead.append(m.Request(piece, 0, size))
        self._go_on()

    def begins(self, piece: int, offset: int) -> None:
        """Take the round trip."""
        if (asked := self._open.get((piece, offset))) is not None:
            self._rtt = self._now() - asked.at

    def came(self, block: m.Piece) -> None:
        """Tell the controller, and ask for what there is room for now."""
        asked = self._open.get((block.index, block.offset))
        if asked is None or asked.request.length != block.length:  # it answers what a choke had made void
            return
        del self._open[block.index, block.offset]
        self._in_flight -= block.length
        self._controller.look(
            self._now(),
            rtt=self._rtt,
            least=self._rtt,
            mss=PACKET,
            acked=block.length,
            lost=False,
            full=bool(self._ahead),
        )
        self._go_on()

    def leave(self, piece: int, size: int) -> list[m.Request]:  # noqa: ARG002 - only the eager have to be told
        """Forget what is to be asked for of the piece, and return what was."""
        self._ahead = deque(request for request in self._ahead if request.index != piece)
        gone = [asked.request for asked in self._open.values() if asked.request.index == piece]
        for request in gone:
            del self._open[request.index, request.offset]
            self._in_flight -= request.length
        return gone

    def close(self) -> None:
        """End a rest."""
        if self._resting is not None:
            self._resting.cancel()

    def _go_on(self) -> None:
        """Ask for as much as there is room for, unless we rest."""
        while self._ahead and self._resting is None:
            first, window = self._ahead[0], self._controller.window
            count = min(first.length, BLOCK, max(window // 4, 2 * PACKET))
            if self._in_flight and self._in_flight + count > window:
                return
            self._ask(m.Request(first.index, first.offset, count))
            if count < first.length:
                self._ahead[0] = m.Request(first.index, first.offset + count, first.length - count)
            else:
                self._ahead.popleft()

    def _ask(self, request: m.Request) -> None:
        self._open[request.index, request.offset] = _Asked(request, self._now())
        self._in_flight += request.length
        self._say(request)
        if rest := self._controller.rest(request.length):
            self._resting = asyncio.get_running_loop().call_later(rest, self._end_rest)

    def _end_rest(self) -> None:
        self._resting = None
        self._go_on()


def _blocks(piece: int, size: int) -> list[m.Request]:
    """Cut a piece into requests that each fit into one message."""
    return [m.Request(piece, start, min(BLOCK, size - start)) for start in range(0, size, BLOCK)]
