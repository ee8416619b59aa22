"""A peer as a source of pieces: interest, requests deep enough to fill the link, and what a bad piece costs."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from doctl.errors import NetworkError, ProtocolError
from doctl.transfer.asking import Asking, Eager, Sparing
from doctl.transfer.background import Ledbat
from doctl.transfer.desk import Desk, Kind, Source
from doctl.transfer.link import Link
from doctl.wire import messages as m

BAD_PIECES: Final = 3
"""Bad pieces after which a peer is banned for this download."""
AHEAD: Final = 0.25
"""Seconds of data that are kept asked for: covers a long round trip, and leaves to others what they may bring."""
MOST_AHEAD: Final = 8 << 20
"""Bytes asked for at a time at the most, as long as that is two pieces."""
MOST_PIECES: Final = 256
"""Pieces asked for at a time at the most; a peer may take many hundreds of requests for an attack."""
SMOOTHING: Final = 0.3
"""Weight of the newest piece in the measured pace."""
RETRY_AFTER: Final = (1.0, 2.0, 4.0)
"""Seconds before a lost peer is tried again."""
STALLED: Final = 20.0
"""Seconds without a byte, with requests open, after which a peer is given up."""


@dataclass(slots=True)
class _Arrival:
    """A piece on its way: its memory (from its first byte) and how many bytes are still to come."""

    missing: int
    buffer: memoryview | None = None


class PeerSource:
    """One peer, reached by ``open_link``; the connection stays usable for uploads when the source is done.

    ``name`` and ``kind`` are what is known beforehand; the connection tells the address and so the true kind.
    ``redial`` tells whether ``open_link`` may be called again after a failure.
    """

    def __init__(
        self,
        name: str,
        kind: Kind,
        open_link: Callable[[], Awaitable[Link]],
        now: Callable[[], float],
        *,
        redial: bool = True,
        retry_after: tuple[float, ...] = RETRY_AFTER,
    ) -> None:
        self.name = name
        self.kind = kind
        self._open_link = open_link
        self._now = now
        self._redial = redial
        self._retry_after = retry_after
        self._delivered = 0

    async def run(self, desk: Desk) -> None:
        """Fetch until there is nothing left; a peer that is lost is tried again a few times, unless it broke a rule."""
        waits = iter(self._retry_after)
        while True:
            before = self._delivered
            try:
                await self._visit(desk)
            except NetworkError as error:
                if self._delivered > before:
                    waits = iter(self._retry_after)
                wait = next(waits, None) if self._redial else None
                if wait is None:
                    raise
                desk.trouble(error)
                await asyncio.sleep(wait)

    async def _visit(self, desk: Desk) -> None:
        link = await self._open_link()
        self.name, self.kind = link.account.address, link.account.kind
        self._visiting = visit = _Visit(self.name, self, link, desk, self._now)
        try:
            await visit.run()
        finally:
            self._delivered += visit.delivered
            desk.forget(self)
        raise link.error if isinstance(link.error, NetworkError | ProtocolError) else NetworkError(f"{self.name}: gone")

    def judged(self, good: bool) -> None:
        """Count bad pieces; the third ends the connection and bans the peer."""
        if good:
            return
        link = self._visiting.link
        if link.bad_piece() == BAD_PIECES:
            link.account.banned = True
            self._redial = False
            link.ban(f"{self.name}: sent {BAD_PIECES} bad pieces and is banned for this download")


class _Visit:
    """One connection's time as a source."""

    def __init__(self, name: str, source: Source, link: Link, desk: Desk, now: Callable[[], float]) -> None:
        self.link = link
        self.delivered = 0
        self._name = name
        self._source = source
        self._desk = desk
        self._now = now
        self._asking = self._manner_of_asking()
        self._arrivals: dict[int, _Arrival] = {}
        self._spare: memoryview | None = None
        self._filling = -1
        self._orphan: memoryview | None = None
        self._unpaid = 0
        self._pace = AHEAD
        self._last = self._piece_at = now()
        self._met = False

    async def run(self) -> None:
        """Fetch until the link closes."""
        self._desk.has(self._source, self.link.pieces)
        if self.link.wire.heard:
            self._meet()
        self.link.downloader = self
        try:
            async with asyncio.TaskGroup() as tasks:
                feeding = tasks.create_task(self._feed())
                await self.link.closed.wait()
                feeding.cancel()
        finally:
            self._leave()

    # -- what the link asks of a downloader

    async def ready(self) -> None:
        """Have a buffer at hand for the piece that comes next.

        It is waited for only now, so that a peer holds memory for no longer than its data takes to come, and only
        while no other piece is half here, so that peers that wait for memory never hold what others wait for.
        """
        await self._pay()
        if self._spare is None and self._arrivals and not any(a.buffer is not None for a in self._arrivals.values()):
            self._last = math.inf
            spare = await self._desk.buffer()
            self._last = self._now()
            if self.link.downloader is self:
                self._spare = spare
            else:
                self._desk.discard(spare)

    async def arriving(self, count: int) -> None:
        """Pay for what came of a piece; what else comes is paid for with the next piece, and no sign of life."""
        self._unpaid += count
        if self._filling >= 0:
            await self._pay()

    async def _pay(self) -> None:
        """Wait if what came came too fast; as long as we wait it is not the peer that is slow."""
        count, self._unpaid = self._unpaid, 0
        self._last = math.inf
        await self._desk.may_receive(self._source, count)
        self._last = self._now()

    def place(self, index: int, offset: int, length: int) -> memoryview | None:
        """Put a block into its piece's buffer, unless the piece is no longer wanted or another one is half here."""
        self._asking.begins(index, offset)
        arrival = self._arrivals.get(index)
        if arrival is None:
            return None
        if arrival.buffer is None:
            arrival.buffer, self._spare = self._spare, None
        if arrival.buffer is None:
            return None
        self._filling = index
        return arrival.buffer[offset : offset + length]

    def heard(self, message: m.Message) -> None:
        """Take in what the peer has, whether it answers, and its data."""
        match message:
            case m.Have(index):
                self._desk.has(self._source, 1 << index)
            case m.Bitfield(pieces):
                self._desk.has(self._source, pieces)
            case m.Choke():
                self._drop(list(self._arrivals))
            case m.Piece():
                self._block_came(message)
        self._meet()
        self._refill()

    def _meet(self) -> None:
        """Make the peer known, now that it has said what it has: one that has everything takes no turns."""
        if not self._met:
            self._met = True
            self._desk.meet(self._source, self.link.remote_id)

    # -- asking

    def _manner_of_asking(self) -> Asking:
        """Ask for everything at once, or give way, unless the peer is on this very machine."""
        ends = self.link.connection
        if not self._desk.gentle or ends.local.host == ends.remote.host:
            return Eager(self.link.say)
        self._desk.tell_manners(Sparing.means)
        return Sparing(self.link.say, Ledbat(), self._now)

    async def _feed(self) -> None:
        while True:
            self._drop([piece for piece in self._arrivals if not self._desk.still_wanted(piece)])
            self._refill()
            if self._arrivals and self._now() - self._last > STALLED:
                self.link.end(NetworkError(f"{self._name}: sent nothing for {STALLED:g} s"))
            await self._desk.changed()

    def _refill(self) -> None:
        """Say whether we are interested, and keep enough requests open.

        That we are means that we would ask for something now. A turn that comes when others are fetching all that the
        peer has is better somebody else's.
        """
        wire = self.link.wire
        if not wire.interested and self._desk.offers(self._source):
            self.link.say(m.Interested())
        if not wire.peer_choking and wire.interested:
            room = self._depth() - len(self._arrivals)
            for piece in self._desk.take(self._source, room) if room > 0 else ():
                self._ask(piece)
        idle = not self._arrivals and not wire.peer_choking
        if wire.interested and (idle or not self._desk.useful(self._source)):
            self.link.say(m.NotInterested())

    def _depth(self) -> int:
        most = max(2, min(MOST_PIECES, MOST_AHEAD // self._desk.content.piece_size))
        return min(most, 1 + math.ceil(AHEAD / max(self._pace, 1e-6)))

    def _ask(self, piece: int) -> None:
        size = self._desk.content.size_of(piece)
        if not self._arrivals:
            self._last = self._piece_at = self._now()
        self._arrivals[piece] = _Arrival(missing=size)
        self._asking.want(piece, size)

    def _block_came(self, block: m.Piece) -> None:
        self._filling = -1
        self._asking.came(block)
        arrival = None if self._free_orphan() else self._arrivals.get(block.index)
        if arrival is None or block.data is None:
            self._desk.waste(block.length)
            if arrival is not None:  # there was no memory for it
                self._drop([block.index])
            return
        arrival.missing -= block.length
        if arrival.missing == 0 and arrival.buffer is not None:
            del self._arrivals[block.index]
            self._desk.deliver(self._source, block.index, arrival.buffer)
            self._keep_pace()

    def _keep_pace(self) -> None:
        now = self._now()
        self._pace += SMOOTHING * (now - self._piece_at - self._pace)
        self._piece_at = now
        self.delivered += 1

    # -- letting go

    def _drop(self, pieces: list[int]) -> None:
        """Stop waiting for ``pieces``: take the requests back and let others have them."""
        for piece in pieces:
            arrival = self._arrivals.pop(piece)
            self._desk.waste(self._desk.content.size_of(piece) - arrival.missing)
            self._release(piece, arrival.buffer)
            asked = self._asking.leave(piece, self._desk.content.size_of(piece))
            if not (self.link.closed.is_set() or self.link.wire.peer_choking):
                for request in asked:
                    self.link.say(m.Cancel(request.index, request.offset, request.length))
        if pieces:
            self._desk.give_back(self._source, pieces)

    def _release(self, piece: int, buffer: memoryview | None) -> None:
        """Give a buffer back, but not before the connection has stopped writing into it."""
        if buffer is None:
            return
        if piece == self._filling and not self.link.closed.is_set():
            self._orphan = buffer
        else:
            self._desk.discard(buffer)

    def _free_orphan(self) -> bool:
        """Give back the buffer of a piece that was dropped while a block of it came; False if there is none."""
        if self._orphan is None:
            return False
        self._desk.discard(self._orphan)
        self._orphan = None
        return True

    def _leave(self) -> None:
        self.link.downloader = None
        self._asking.close()
        self._drop(list(self._arrivals))
        if self._filling >= 0:
            self._desk.waste(self.link.wire.unfinished)
        if self.link.closed.is_set():
            self._free_orphan()
        elif self.link.wire.interested:
            self.link.say(m.NotInterested())
        if self._spare is not None:
            self._desk.discard(self._spare)
            self._spare = None
