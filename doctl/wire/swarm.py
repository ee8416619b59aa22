"""One MS-DO connection without I/O: bytes in, events out, and the rules of what may come when.

The owner of the socket reads into ``buffer()``, says how much came with ``received()``, and takes events from
``next_event()`` until that returns None. Piece data lands where the owner's ``place`` wants it, without a copy.
Every length is checked before memory is set aside for it.
"""

import enum
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from doctl.errors import ProtocolError
from doctl.wire import messages as m
from doctl.wire.layout import Layout

SCRATCH: Final = 16 * 1024
"""Bytes read at once outside piece data: many small messages, and little of a piece to copy."""
MAX_OUTSTANDING: Final = 1024
"""Requests of ours that may be open at a time on one connection."""
MAX_VOID: Final = 1024
"""Requests taken back or choked, whose data may come all the same, that are remembered; the oldest are forgotten."""

Place = Callable[[int, int, int], memoryview | None]
"""Where to put piece data: (index, offset, length) to a writable view of that length, or None to drop it."""


class State(enum.Enum):
    """How far one direction of a connection has come."""

    HANDSHAKE = "before the handshake"
    GREETED = "after the handshake"
    OPEN = "open"


_ANYTIME: Final = (m.KeepAlive, m.Filler)
_OPENING: Final = (
    m.Bitfield, m.Choke, m.Unchoke, m.Interested, m.NotInterested, m.Have, m.Request, m.Piece, m.Cancel,
)  # fmt: skip
NEXT_STATE: Final[dict[tuple[State, type], State]] = {
    (State.HANDSHAKE, m.Handshake): State.GREETED,
    **{(state, kind): state for state in (State.GREETED, State.OPEN) for kind in _ANYTIME},
    **{(State.GREETED, kind): State.OPEN for kind in _OPENING},
    **{(State.OPEN, kind): State.OPEN for kind in _OPENING if kind is not m.Bitfield},
}
"""What may follow what, in either direction; all else is a protocol error. A bitfield comes first or not at all."""

_SIMPLE: Final[dict[int, m.Control]] = {0: m.Choke(), 1: m.Unchoke(), 2: m.Interested(), 3: m.NotInterested()}
_FIXED_LENGTH: Final = {0: 1, 1: 1, 2: 1, 3: 1, 4: 5, 6: 13, 8: 13}
_PIECE: Final = 7
_HANDSHAKE_REST: Final = 8 + 32 + m.PEER_ID_SIZE

RequestOrCancel = TypeVar("RequestOrCancel", m.Request, m.Cancel)


class SwarmConnection:
    """Both directions of one connection.

    ``choking`` and ``interested`` are ours towards the peer, ``peer_choking`` and ``peer_interested`` theirs.
    """

    def __init__(self, place: Place) -> None:
        self.choking = self.peer_choking = True
        self.interested = self.peer_interested = False
        self._place = place
        self._layout: Layout | None = None
        self._theirs = self._ours = State.HANDSHAKE
        self._scratch = memoryview(bytearray(SCRATCH))
        self._start = self._end = 0
        self._requested: set[tuple[int, int, int]] = set()
        self._void: deque[tuple[int, int, int]] = deque(maxlen=MAX_VOID)
        self._finish: Callable[[], m.Message] | None = None
        self._body: memoryview | None = None
        self._filled = 0
        self._skip = 0

    def start(self, layout: Layout) -> None:
        """Say how the content of the handshake is cut; needed before anything after the handshake is read."""
        self._layout = layout

    @property
    def outstanding(self) -> frozenset[tuple[int, int, int]]:
        """Our unanswered requests as (index, offset, length)."""
        return frozenset(self._requested)

    @property
    def heard(self) -> bool:
        """Whether the peer has said what it has: with its first message, or by saying something else first."""
        return self._theirs is State.OPEN

    @property
    def piece_next(self) -> bool:
        """Whether ``next_event`` would begin a message with piece data, and so ask ``place`` for memory."""
        return (
            self._finish is None
            and self._theirs is not State.HANDSHAKE
            and self._ready(5)
            and self._scratch[self._start + 4] == _PIECE
            and any(self._scratch[self._start : self._start + 4])
        )

    @property
    def unfinished(self) -> int:
        """Bytes that have come of the body of a message that is not whole yet, where they are kept."""
        return self._filled if self._body is not None else 0

    @property
    def lacking(self) -> int:
        """Bytes that have not come of the body of a message that is not whole yet, where they are kept."""
        return len(self._body) - self._filled if self._body is not None else 0

    # -- bytes in

    def buffer(self) -> memoryview:
        """Return where the next bytes from the socket go; never empty once ``next_event`` has returned None."""
        if self._body is not None:
            return self._body[self._filled :]
        if self._start == self._end:
            self._start = self._end = 0
        elif self._start:
            rest = bytes(self._scratch[self._start : self._end])
            self._scratch[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        return self._scratch[self._end :]

    def received(self, count: int) -> None:
        """Note that ``count`` bytes were read into ``buffer()``; 0 is the end, an error inside a message."""
        if count == 0 and (self._start != self._end or self._finish is not None):
            raise ProtocolError("the connection ended in the middle of a message")
        if self._body is not None:
            self._filled += count
        else:
            self._end += count

    def next_event(self) -> m.Message | None:
        """Return the next whole message, or None when more bytes are needed."""
        if self._finish is None:
            message = self._read_handshake() if self._theirs is State.HANDSHAKE else self._read_message()
        else:
            message = None
        if self._finish is not None:
            message = self._read_body()
        if message is not None:
            self._theirs = self._advance(self._theirs, message, "remote")
            self._note_received(message)
        return message

    # -- messages out

    def send(self, message: m.Handshake | m.Control) -> bytes:
        """Return the bytes of a message of ours; a ProtocolError whose fault is local if it may not be sent now."""
        self._ours = self._advance(self._ours, message, "local")
        match message:
            case m.Choke():
                self.choking = True
            case m.Unchoke():
                self.choking = False
            case m.Interested():
                self.interested = True
            case m.NotInterested():
                self.interested = False
            case m.Request():
                self._note_request(self._inside(message, "local"))
            case m.Cancel(index, offset, length):
                if (index, offset, length) in self._requested:
                    self._requested.remove((index, offset, length))
                    self._void.append((index, offset, length))
        return message.encode()

    def send_piece(self, index: int, offset: int, length: int) -> bytes:
        """Return the header of a piece message; exactly ``length`` bytes of data must follow it."""
        self._inside(m.Request(index, offset, length), "local")
        piece = m.Piece(index, offset, length)
        self._ours = self._advance(self._ours, piece, "local")
        return piece.header()

    # -- the rules

    def _advance(self, state: State, message: m.Message, fault: str) -> State:
        following = NEXT_STATE.get((state, type(message)))
        if following is None:
            raise ProtocolError(f"{type(message).__name__} may not come {state.value}", fault=fault)
        return following

    def _note_received(self, message: m.Message) -> None:
        match message:
            case m.Choke():
                self.peer_choking = True
                self._void.extend(self._requested)
                self._requested.clear()
            case m.Unchoke():
                self.peer_choking = False
            case m.Interested():
                self.peer_interested = True
            case m.NotInterested():
                self.peer_interested = False

    def _note_request(self, request: m.Request) -> None:
        key = (request.index, request.offset, request.length)
        if key in self._requested:
            raise ProtocolError(f"{request.length} bytes of piece {request.index} are asked for already", fault="local")
        if len(self._requested) >= MAX_OUTSTANDING:
            raise ProtocolError(f"more than {MAX_OUTSTANDING} requests are open", fault="local")
        self._requested.add(key)

    def _inside(self, request: RequestOrCancel, fault: str) -> RequestOrCancel:
        if not self._known().holds(request.index, request.offset, request.length):
            raise ProtocolError(
                f"{type(request).__name__} of {request.length} bytes at {request.offset} in piece {request.index} "
                "lies outside the content",
                fault=fault,
            )
        if request.length > m.MAX_REQUEST:
            raise ProtocolError(f"a request of {request.length} bytes fits into no message", fault=fault)
        return request

    def _known(self) -> Layout:
        if self._layout is None:
            raise RuntimeError("start() must say how the content is cut before messages are read or sent")
        return self._layout

    # -- reading

    def _ready(self, count: int) -> bool:
        return self._end - self._start >= count

    def _take(self, count: int) -> bytes:
        data = bytes(self._scratch[self._start : self._start + count])
        self._start += count
        return data

    def _read_handshake(self) -> m.Message | None:
        if not self._ready(1):
            return None
        size = self._scratch[self._start]
        if size != len(m.PROTOCOL_NAME):
            raise ProtocolError(f"not the MS-DO protocol: the name's length is {size} instead of 14")
        come = bytes(self._scratch[self._start + 1 : min(self._end, self._start + 1 + size)])
        if not m.PROTOCOL_NAME.startswith(come):
            raise ProtocolError("not the MS-DO protocol: another name in the handshake")
        if not self._ready(1 + size + _HANDSHAKE_REST):
            return None
        rest = self._take(1 + size + _HANDSHAKE_REST)[1 + size + 8 :]
        return m.Handshake(rest[:32], rest[32:])

    def _read_message(self) -> m.Message | None:
        if not self._ready(4):
            return None
        (length,) = struct.unpack_from(">I", self._scratch, self._start)
        if length == 0:
            self._start += 4
            return m.KeepAlive()
        if length > m.MAX_MESSAGE:
            raise ProtocolError(f"a message of {length} bytes is longer than {m.MAX_MESSAGE}")
        if not self._ready(5):
            return None
        kind = self._scratch[self._start + 4]
        if kind in _FIXED_LENGTH:
            return self._read_fixed(kind, length)
        self._begin_body(kind, length)
        return None

    def _read_fixed(self, kind: int, length: int) -> m.Message | None:
        if length != _FIXED_LENGTH[kind]:
            raise ProtocolError(f"message {kind} has length {length} instead of {_FIXED_LENGTH[kind]}")
        if not self._ready(4 + length):
            return None
        body = self._take(4 + length)[5:]
        if kind in _SIMPLE:
            return _SIMPLE[kind]
        if kind == 4:
            (index,) = struct.unpack(">I", body)
            if index >= self._known().pieces:
                raise ProtocolError(f"have names piece {index} of {self._known().pieces}")
            return m.Have(index)
        fields = struct.unpack(">III", body)
        if kind == 6:
            return self._inside(m.Request(*fields), "remote")
        return self._inside(m.Cancel(*fields), "remote")

    def _begin_body(self, kind: int, length: int) -> None:
        if kind == 5:
            self._begin_bitfield(length)
        elif kind == _PIECE:
            self._begin_piece(length)
        elif kind == 20:
            self._start += 5
            self._skip, self._finish = length - 1, lambda: m.Filler(length - 1)
        else:
            raise ProtocolError(f"no message has the id {kind}")

    def _begin_bitfield(self, length: int) -> None:
        count = self._known().pieces
        if length != 1 + -(-count // 8):
            raise ProtocolError(f"a bitfield of {length - 1} bytes does not fit {count} pieces")
        self._start += 5
        body = memoryview(bytearray(length - 1))
        self._set_body(body, lambda: _bitfield(bytes(body), count))

    def _begin_piece(self, length: int) -> None:
        if length <= m.PIECE_HEADER:
            raise ProtocolError("a piece message without data")
        if not self._ready(4 + m.PIECE_HEADER):
            return
        index, offset = struct.unpack_from(">II", self._scratch, self._start + 5)
        size = length - m.PIECE_HEADER
        key = (index, offset, size)
        wanted = key in self._requested
        if wanted:
            self._requested.remove(key)
        elif key in self._void:
            self._void.remove(key)
        else:
            raise ProtocolError(f"{size} bytes at {offset} in piece {index} came that nobody asked for")
        self._start += 4 + m.PIECE_HEADER
        target = self._place(index, offset, size) if wanted else None
        if target is None:
            self._skip, self._finish = size, lambda: m.Piece(index, offset, size)
        else:
            self._set_body(target, lambda: m.Piece(index, offset, size, target))

    def _set_body(self, body: memoryview, finish: Callable[[], m.Message]) -> None:
        take = min(len(body), self._end - self._start)
        body[:take] = self._scratch[self._start : self._start + take]
        self._start += take
        self._body, self._filled, self._finish = body, take, finish

    def _read_body(self) -> m.Message | None:
        if self._body is not None:
            if self._filled < len(self._body):
                return None
            self._body = None
        elif self._skip:
            take = min(self._skip, self._end - self._start)
            self._start += take
            self._skip -= take
        if self._skip or self._finish is None:
            return None
        finish, self._finish = self._finish, None
        return finish()


def _bitfield(body: bytes, count: int) -> m.Bitfield:
    bitfield = m.Bitfield.of_bytes(body, count)
    if bitfield.pieces >> count:
        raise ProtocolError("the bitfield has spare bits set")
    return bitfield
