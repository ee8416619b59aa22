"""The MS-DO protocol without I/O: exact bytes, the same events however they arrive, and every violation named."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doctl.errors import ProtocolError
from doctl.wire import messages as m
from doctl.wire.layout import Layout
from doctl.wire.swarm import MAX_OUTSTANDING, MAX_VOID, SCRATCH, State, SwarmConnection

LAYOUT = Layout(11 * 18_000 - 5, 18_000)
HELLO = m.Handshake(bytes(range(32)), bytes(range(100, 116)) + bytes(4))
HELLO_BYTES = bytes.fromhex(
    "0e 53776172 6d207072 6f746f63 6f6c 00000001 00000000"
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "6465666768696a6b6c6d6e6f70717273 00000000"
)
Sendable = m.Handshake | m.Control


def memory(_index: int, _offset: int, length: int) -> memoryview:
    """Give new memory for any piece data."""
    return memoryview(bytearray(length))


def connected(*ours: Sendable, layout: Layout = LAYOUT) -> SwarmConnection:
    """Make a connection that has shaken hands both ways and said ``ours``."""
    connection = SwarmConnection(memory)
    connection.start(layout)
    for message in (HELLO, *ours):
        connection.send(message)
    assert feed(connection, HELLO_BYTES) == [HELLO]
    return connection


def feed(connection: SwarmConnection, data: bytes, sizes: Iterable[int] = (1 << 30,)) -> list[m.Message]:
    """Read ``data`` into the connection in portions of the given sizes, over and over, and return all events."""
    events: list[m.Message] = []
    left = memoryview(data)
    for size in cycle(sizes):
        if not left:
            return events
        buffer = connection.buffer()
        count = min(size, len(buffer), len(left))
        buffer[:count] = left[:count]
        left = left[count:]
        connection.received(count)
        events += taken(connection)
    return events


def taken(connection: SwarmConnection) -> Iterator[m.Message]:
    """Take every event that is ready."""
    while (event := connection.next_event()) is not None:
        yield event


def piece(index: int, offset: int, data: bytes) -> bytes:
    """Return a piece message."""
    return m.Piece(index, offset, len(data)).header() + data


# -- exact bytes

EXACT: list[tuple[m.Control, str]] = [
    (m.KeepAlive(), "00000000"),
    (m.Choke(), "00000001 00"),
    (m.Unchoke(), "00000001 01"),
    (m.Interested(), "00000001 02"),
    (m.NotInterested(), "00000001 03"),
    (m.Have(10), "00000005 04 0000000a"),
    (m.Bitfield(0b10_0000_0001, 11), "00000003 05 8040"),
    (m.Bitfield(0, 11), "00000003 05 0000"),
    (m.Request(10, 4, 0x1000), "0000000d 06 0000000a 00000004 00001000"),
    (m.Cancel(10, 4, 0x1000), "0000000d 08 0000000a 00000004 00001000"),
    (m.Filler(3), "00000004 14 000000"),
    (m.Filler(0), "00000001 14"),
]


@pytest.mark.parametrize(("message", "written"), EXACT, ids=[written for _, written in EXACT])
def test_messages_have_exactly_the_bytes_of_the_protocol(message: m.Control, written: str) -> None:
    """Each message is written as Wireshark's dissector reads it, and read back as what it was."""
    assert message.encode() == bytes.fromhex(written)
    assert feed(connected(), bytes.fromhex(written)) == [message]
    assert connected().send(message) == bytes.fromhex(written)


def test_a_handshake_is_75_bytes() -> None:
    """The name with its length, the version, the swarm, the peer id and its suffix; no byte more."""
    assert HELLO.encode() == HELLO_BYTES
    assert len(HELLO_BYTES) == 75
    assert feed(SwarmConnection(memory), HELLO_BYTES) == [HELLO]


def test_a_piece_has_a_header_of_13_bytes() -> None:
    """Id 7, index and offset; the length counts them and the data."""
    header = bytes.fromhex("0000000c 07 0000000a 00000004")
    assert m.Piece(10, 4, 3).header() == connected().send_piece(10, 4, 3) == header
    assert feed(connected(m.Request(10, 4, 3)), header + b"abc") == [m.Piece(10, 4, 3, memoryview(b"abc"))]


@given(st.integers(0, 70).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, (1 << count) - 1))))
def test_a_bitfield_has_the_first_piece_in_the_high_bit(given_pieces: tuple[int, int]) -> None:
    """Bit i of the set is bit 7 - i % 8 of byte i // 8 on the wire, and it is read back the same."""
    count, pieces = given_pieces
    body = m.Bitfield(pieces, count).encode()[5:]
    assert [body[i // 8] >> (7 - i % 8) & 1 for i in range(count)] == [pieces >> i & 1 for i in range(count)]
    assert m.Bitfield.of_bytes(body, count) == m.Bitfield(pieces, count)


def test_content_without_pieces_has_an_empty_bitfield() -> None:
    """An empty file has no pieces: a bitfield of no bytes is right, and nothing can be asked for."""
    connection = connected(layout=Layout(0, 1024))
    assert feed(connection, bytes.fromhex("00000001 05")) == [m.Bitfield(0, 0)]
    with pytest.raises(ProtocolError, match="outside the content"):
        feed(connection, m.Request(0, 0, 1).encode())


# -- the same events, however the bytes arrive


@dataclass(frozen=True)
class Talk:
    """What a peer says after the handshake to somebody who asked for ``asked``, and what is to be heard of it."""

    asked: tuple[m.Request, ...]
    said: bytes
    heard: tuple[m.Message, ...]


def placed(index: int, offset: int, length: int) -> memoryview | None:
    """Have memory for every piece but those that 4 divides."""
    return memory(index, offset, length) if index % 4 else None


WITHIN = st.integers(0, 10).flatmap(
    lambda index: st.integers(0, LAYOUT.size_of(index) - 1).flatmap(
        lambda offset: st.tuples(st.just(index), st.just(offset), st.integers(1, LAYOUT.size_of(index) - offset))
    )
)
ASKED = st.lists(WITHIN.map(lambda where: m.Request(*where)), max_size=4, unique=True)
SAID: st.SearchStrategy[m.Control] = st.one_of(
    st.sampled_from([m.KeepAlive(), m.Choke(), m.Unchoke(), m.Interested(), m.NotInterested()]),
    st.integers(0, 10).map(m.Have),
    WITHIN.map(lambda where: m.Request(*where)),
    WITHIN.map(lambda where: m.Cancel(*where)),
    st.sampled_from([0, 1, 100, SCRATCH - 5, SCRATCH, 20_000]).map(m.Filler),
)
FIRST = st.none() | st.integers(0, LAYOUT.all_pieces).map(lambda pieces: m.Bitfield(pieces, LAYOUT.pieces))


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """Make a whole conversation: perhaps a bitfield, then messages, and the pieces that were asked for among them."""
    asked = draw(ASKED)
    first = draw(FIRST)
    rest = draw(st.permutations([*asked, *([None] * 6)]))
    said, heard, void = b"", list[m.Message](), False
    if first is not None:
        said, heard = first.encode(), [first]
    for request in rest:
        if request is None:
            message = draw(SAID)
            said, heard, void = said + message.encode(), [*heard, message], void or message == m.Choke()
        else:
            data = draw(st.binary(min_size=1, max_size=1)) * request.length
            said += piece(request.index, request.offset, data)
            kept = memoryview(data) if request.index % 4 and not void else None
            heard.append(m.Piece(request.index, request.offset, request.length, kept))
    return Talk(tuple(asked), said, tuple(heard))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    talk=talks(),
    sizes=st.lists(st.integers(1, 20_000), min_size=1, max_size=8),
    trailing=st.sampled_from([b"", b"\0", b"\0\0\0\5\4\0\0", m.Filler(9).encode()[:-1], HELLO_BYTES[:2]]),
)
def test_events_do_not_depend_on_how_bytes_arrive(talk: Talk, sizes: list[int], trailing: bytes) -> None:
    """Whole, byte by byte, in any portions and with the start of more behind it: the events are the same."""
    for portions in [(1 << 30,), (1,), sizes]:
        for more in (b"", trailing):
            connection = SwarmConnection(placed)
            connection.start(LAYOUT)
            connection.send(HELLO)
            for request in talk.asked:
                connection.send(request)
            assert feed(connection, HELLO_BYTES + talk.said + more, portions) == [HELLO, *talk.heard]
            if not more:
                connection.received(0)
                continue
            with pytest.raises(ProtocolError, match="ended in the middle of a message"):
                connection.received(0)


# -- who may say what when

OPEN_TO_ALL: list[m.Control] = [m.KeepAlive(), m.Filler(2)]
OPENING: list[m.Control] = [
    m.Choke(), m.Unchoke(), m.Interested(), m.NotInterested(), m.Have(3), m.Request(1, 0, 9), m.Cancel(1, 0, 9),
]  # fmt: skip
BITFIELD = m.Bitfield(5, LAYOUT.pieces)
ALL: list[m.Message] = [HELLO, BITFIELD, m.Piece(2, 0, 4), *OPEN_TO_ALL, *OPENING]
ALLOWED: dict[State, list[m.Message]] = {
    State.HANDSHAKE: [HELLO],
    State.GREETED: [BITFIELD, m.Piece(2, 0, 4), *OPEN_TO_ALL, *OPENING],
    State.OPEN: [m.Piece(2, 0, 4), *OPEN_TO_ALL, *OPENING],
}
BEFORE: dict[State, list[Sendable]] = {State.HANDSHAKE: [], State.GREETED: [HELLO], State.OPEN: [HELLO, m.Unchoke()]}


def say(connection: SwarmConnection, message: m.Message) -> bytes:
    """Send any message, a piece with its data."""
    if isinstance(message, m.Piece):
        return connection.send_piece(message.index, message.offset, message.length) + b"data"
    return connection.send(message)


def written(message: m.Message) -> bytes:
    """Return the bytes of any message."""
    return message.header() + b"data" if isinstance(message, m.Piece) else message.encode()


CASES = [(state, message) for state in State for message in ALL]


@pytest.mark.parametrize(("state", "message"), CASES, ids=[f"{s.name}-{type(x).__name__}" for s, x in CASES])
def test_what_we_may_send_when(state: State, message: m.Message) -> None:
    """A message of ours out of turn is refused as our own fault, and nothing of it is sent."""
    connection = SwarmConnection(memory)
    connection.start(LAYOUT)
    for earlier in BEFORE[state]:
        connection.send(earlier)
    if message in ALLOWED[state]:
        assert say(connection, message) == written(message)
    else:
        with pytest.raises(ProtocolError, match=f"{type(message).__name__} may not come {state.value}") as caught:
            say(connection, message)
        assert caught.value.fault == "local"


@pytest.mark.parametrize(("state", "message"), CASES, ids=[f"{s.name}-{type(x).__name__}" for s, x in CASES])
def test_what_a_peer_may_send_when(state: State, message: m.Message) -> None:
    """A peer's message out of turn is the peer's fault."""
    connection = SwarmConnection(memory)
    connection.start(LAYOUT)
    connection.send(HELLO)
    connection.send(m.Request(2, 0, 4))
    feed(connection, b"".join(written(earlier) for earlier in BEFORE[state]))
    if message in ALLOWED[state]:
        assert [type(event) for event in feed(connection, written(message))] == [type(message)]
    else:
        with pytest.raises(ProtocolError) as caught:
            feed(connection, written(message))
        assert caught.value.fault == "remote"


def test_signs_of_life_may_come_before_the_bitfield() -> None:
    """Keep-alives and filler say nothing, so that a bitfield is still the first thing said after them."""
    said: list[m.Control] = [m.KeepAlive(), m.Filler(1), BITFIELD]
    assert feed(connected(), b"".join(message.encode() for message in said)) == said


def test_choking_and_interest_are_kept_for_both_sides() -> None:
    """Both sides begin choking and not interested; each message changes the side it is about."""
    connection = connected()
    seen = [(connection.choking, connection.interested, connection.peer_choking, connection.peer_interested)]
    steps: list[tuple[m.Control, m.Control]] = [
        (m.Unchoke(), m.Interested()), (m.Interested(), m.Unchoke()), (m.Choke(), m.Choke()),
        (m.NotInterested(), m.NotInterested()),
    ]  # fmt: skip
    for ours, theirs in steps:
        connection.send(ours)
        feed(connection, theirs.encode())
        seen.append((connection.choking, connection.interested, connection.peer_choking, connection.peer_interested))
    assert seen == [
        (True, False, True, False), (False, False, True, True), (False, True, False, True), (True, True, True, True),
        (True, False, True, False),
    ]  # fmt: skip


# -- violations

PLAIN = Layout(11 * 18_000 - 5, 18_000)
LARGE = Layout(96 << 20, 16 << 20)
VIOLATIONS: dict[str, tuple[Layout, bytes, str]] = {
    "unknown id 9": (PLAIN, bytes.fromhex("00000001 09"), "no message has the id 9"),
    "unknown id 19": (PLAIN, bytes.fromhex("00000001 13"), "no message has the id 19"),
    "unknown id 255": (PLAIN, bytes.fromhex("00000001 ff"), "no message has the id 255"),
    "choke with a body": (PLAIN, bytes.fromhex("00000002 00 00"), "message 0 has length 2 instead of 1"),
    "unchoke with a body": (PLAIN, bytes.fromhex("00000005 01"), "message 1 has length 5 instead of 1"),
    "interested with a body": (PLAIN, bytes.fromhex("00000002 02"), "message 2 has length 2 instead of 1"),
    "not interested with a body": (PLAIN, bytes.fromhex("00000002 03"), "message 3 has length 2 instead of 1"),
    "short have": (PLAIN, bytes.fromhex("00000004 04"), "message 4 has length 4 instead of 5"),
    "long have": (PLAIN, bytes.fromhex("00000006 04"), "message 4 has length 6 instead of 5"),
    "short request": (PLAIN, bytes.fromhex("0000000c 06"), "message 6 has length 12 instead of 13"),
    "long cancel": (PLAIN, bytes.fromhex("0000000e 08"), "message 8 has length 14 instead of 13"),
    "short bitfield": (PLAIN, bytes.fromhex("00000002 05"), "a bitfield of 1 bytes does not fit 11 pieces"),
    "long bitfield": (PLAIN, bytes.fromhex("00000004 05"), "a bitfield of 3 bytes does not fit 11 pieces"),
    "spare bits": (PLAIN, bytes.fromhex("00000003 05 0010"), "the bitfield has spare bits set"),
    "have outside": (PLAIN, m.Have(11).encode(), "have names piece 11 of 11"),
    "have far outside": (PLAIN, m.Have(0xFFFFFFFF).encode(), "have names piece 4294967295 of 11"),
    "request of no piece": (PLAIN, m.Request(11, 0, 1).encode(), "Request of 1 bytes at 0 in piece 11 lies outside"),
    "request of no bytes": (PLAIN, m.Request(0, 0, 0).encode(), "Request of 0 bytes at 0 in piece 0 lies outside"),
    "request past a piece": (PLAIN, m.Request(0, 1, 18_000).encode(), "Request of 18000 bytes .* lies outside"),
    "request past the end": (PLAIN, m.Request(10, 0, 17_996).encode(), "Request of 17996 bytes .* lies outside"),
    "request beyond 32 bits": (PLAIN, m.Request(0, 0xFFFFFFFF, 0xFFFFFFFF).encode(), "lies outside the content"),
    "cancel outside": (PLAIN, m.Cancel(0, 18_000, 1).encode(), "Cancel of 1 bytes at 18000 in piece 0 lies outside"),
    "request that fits no message": (
        LARGE, m.Request(0, 0, m.MAX_REQUEST + 1).encode(), "a request of 2047992 bytes fits into no message",
    ),
    "too long a message": (PLAIN, bytes.fromhex("001f4001"), "a message of 2048001 bytes is longer than 2048000"),
    "4 GiB": (PLAIN, bytes.fromhex("ffffffff"), "a message of 4294967295 bytes is longer"),
    "piece without data": (PLAIN, bytes.fromhex("00000009 07 00000001 00000000"), "a piece message without data"),
    "piece without offset": (PLAIN, bytes.fromhex("00000005 07"), "a piece message without data"),
    "piece nobody asked for": (PLAIN, piece(1, 0, b"x"), "1 bytes at 0 in piece 1 came that nobody asked for"),
    "piece shorter than asked": (PLAIN, piece(5, 0, b"x"), "1 bytes at 0 in piece 5 came that nobody asked for"),
    "piece longer than asked": (PLAIN, m.Piece(5, 0, 101).header(), "101 bytes at 0 in piece 5 came that nobody"),
    "piece twice": (PLAIN, piece(5, 0, bytes(100)) * 2, "100 bytes at 0 in piece 5 came that nobody asked for"),
    "bitfield twice": (PLAIN, BITFIELD.encode() * 2, "Bitfield may not come open"),
    "bitfield after have": (PLAIN, m.Have(0).encode() + BITFIELD.encode(), "Bitfield may not come open"),
}  # fmt: skip


@pytest.mark.parametrize("violation", VIOLATIONS)
@pytest.mark.parametrize("portion", [1, 1 << 30])
def test_every_violation_is_named(violation: str, portion: int) -> None:
    """What breaks a rule is a ProtocolError that says which, the peer's fault, however the bytes arrive."""
    layout, data, message = VIOLATIONS[violation]
    connection = connected(m.Request(5, 0, 100), layout=layout)
    with pytest.raises(ProtocolError, match=message) as caught:
        feed(connection, data, [portion])
    assert caught.value.fault == "remote"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x13BitTorrent protocol", "the name's length is 19 instead of 14"),
        (b"\0", "the name's length is 0 instead of 14"),
        (b"GET / HTTP/1.1\r\n", "the name's length is 71 instead of 14"),
        (b"\x16\x03\x01", "the name's length is 22 instead of 14"),
        (b"\x0eSwarm Protocol", "another name in the handshake"),
        (b"\x0eX", "another name in the handshake"),
    ],
)
@pytest.mark.parametrize("portion", [1, 1 << 30])
def test_a_foreign_greeting_is_named_as_soon_as_it_shows(data: bytes, message: str, portion: int) -> None:
    """Another protocol is noticed at its first wrong byte, without waiting for 75 of them."""
    connection = SwarmConnection(memory)
    with pytest.raises(ProtocolError, match=f"not the MS-DO protocol: {message}") as caught:
        feed(connection, data, [portion])
    assert caught.value.fault == "remote"


@pytest.mark.parametrize(
    "data",
    [
        HELLO_BYTES[:1],
        HELLO_BYTES[:74],
        HELLO_BYTES + b"\0",
        HELLO_BYTES + m.Have(1).encode()[:-1],
        HELLO_BYTES + BITFIELD.encode()[:-1],
        HELLO_BYTES + m.Filler(1000).encode()[:-1],
        HELLO_BYTES + piece(5, 0, bytes(100))[:12],
        HELLO_BYTES + piece(5, 0, bytes(100))[:-1],
        HELLO_BYTES + m.Piece(5, 0, 100).header(),
    ],
)
def test_an_end_in_the_middle_is_a_violation(data: bytes) -> None:
    """A connection that ends inside a message was broken off; one that ends between two messages was not."""
    connection = SwarmConnection(memory)
    connection.start(LAYOUT)
    connection.received(0)
    for ours in (HELLO, m.Request(5, 0, 100)):
        connection.send(ours)
    feed(connection, data)
    with pytest.raises(ProtocolError, match="the connection ended in the middle of a message"):
        connection.received(0)


def test_what_cannot_be_asked_for_is_our_fault() -> None:
    """Requests and pieces outside the content, too many, twice the same, or too long for a message are not sent."""
    connection = connected(layout=LARGE)
    local: list[tuple[str, Callable[[], object]]] = [
        ("lies outside", lambda: connection.send(m.Request(6, 0, 1))),
        ("lies outside", lambda: connection.send_piece(0, 16 << 20, 1)),
        ("fits into no message", lambda: connection.send(m.Request(0, 0, m.MAX_REQUEST + 1))),
        ("fits into no message", lambda: connection.send_piece(0, 0, m.MAX_REQUEST + 1)),
        ("asked for already", lambda: [connection.send(m.Request(0, 0, 9)) for _ in range(2)]),
        ("more than 1024 requests", lambda: [connection.send(m.Request(1, at, 1)) for at in range(MAX_OUTSTANDING)]),
    ]
    for message, attempt in local:
        with pytest.raises(ProtocolError, match=message) as caught:
            attempt()
        assert caught.value.fault == "local"


# -- memory


@pytest.mark.parametrize(
    "head",
    [
        bytes.fromhex("ffffffff 07 00000000 00000000"),
        bytes.fromhex("001f4000 05"),
        bytes.fromhex("001f4000 07 00000001 00000000"),
        bytes.fromhex("001f4000 06 00000001 00000000"),
    ],
)
def test_lengths_are_checked_before_memory_is_set_aside(head: bytes) -> None:
    """A message that claims to be long is refused from its first bytes, at no cost."""
    connection = connected()
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            feed(connection, head)
        assert tracemalloc.get_traced_memory()[1] < 20_000
    finally:
        tracemalloc.stop()


def test_filler_is_read_in_bounded_memory() -> None:
    """The longest filler goes through the same small buffer as everything else, and what follows it is read."""
    connection = connected()
    data = m.Filler(m.MAX_MESSAGE - 1).encode() + m.Have(1).encode()
    tracemalloc.start()
    try:
        assert feed(connection, data) == [m.Filler(m.MAX_MESSAGE - 1), m.Have(1)]
        assert tracemalloc.get_traced_memory()[1] < 2 * SCRATCH
    finally:
        tracemalloc.stop()


def test_piece_data_lands_where_it_is_wanted() -> None:
    """What is left of a piece is read straight into the place for it, and nothing beyond it."""
    place = memoryview(bytearray(10_000))
    connection = SwarmConnection(lambda index, offset, length: place[offset : offset + length])
    connection.start(LAYOUT)
    connection.send(HELLO)
    connection.send(m.Request(1, 100, 9_000))
    assert feed(connection, HELLO_BYTES + m.Piece(1, 100, 9_000).header() + b"ab") == [HELLO]
    assert (len(connection.buffer()), connection.unfinished) == (8_998, 2)
    assert feed(connection, b"c" * 8_998) == [m.Piece(1, 100, 9_000, place[100:9_100])]
    assert (bytes(place[98:104]), bytes(place[9_098:9_102]), connection.unfinished) == (b"\0\0abcc", b"cc\0\0", 0)


def test_memory_is_called_for_when_a_piece_comes_and_not_before() -> None:
    """Whoever has to wait for memory can tell beforehand that the next message needs it."""
    connection = connected(m.Request(1, 0, 5))
    seen = []
    for byte in m.KeepAlive().encode() + m.Have(7).encode() + piece(1, 0, b"12345") + m.Have(7).encode():
        connection.buffer()[0] = byte
        connection.received(1)
        seen.append(connection.piece_next)
        list(taken(connection))
    assert [at for at, piece_next in enumerate(seen) if piece_next] == list(range(4 + 9 + 4, 4 + 9 + 13))


# -- data that is no longer wanted


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [([m.Cancel(1, 0, 500)], b""), ([], m.Choke().encode()), ([m.Cancel(1, 0, 500)], m.Choke().encode())],
)
def test_late_data_is_dropped(ours: list[m.Control], theirs: bytes) -> None:
    """Data for a request that was taken back or choked may still come, once: it is dropped without an error."""
    connection = connected(m.Request(1, 0, 500))
    for message in ours:
        connection.send(message)
    events = feed(connection, theirs + piece(1, 0, bytes(500)) + m.Have(2).encode())
    assert events[-2:] == [m.Piece(1, 0, 500, None), m.Have(2)]
    assert not connection.outstanding
    with pytest.raises(ProtocolError, match="nobody asked for"):
        feed(connection, piece(1, 0, bytes(500)))


def test_a_request_made_anew_may_be_answered_twice() -> None:
    """Where a cancel or choke crossed the data, the answer to the first request and to the second both come."""
    connection = connected(m.Request(1, 0, 5), m.Cancel(1, 0, 5), m.Request(1, 0, 5))
    assert connection.outstanding == {(1, 0, 5)}
    answers = piece(1, 0, b"first") + piece(1, 0, b"later")
    assert feed(connection, answers) == [m.Piece(1, 0, 5, memoryview(b"first")), m.Piece(1, 0, 5, None)]


def test_taking_back_requests_never_uses_a_connection_up() -> None:
    """However many requests were taken back or choked without an answer, new ones may be made."""
    connection = connected()
    for at in range(3 * MAX_VOID):
        connection.send(m.Request(at % 10, at, 7))
        connection.send(m.Cancel(at % 10, at, 7)) if at % 2 else feed(connection, m.Choke().encode())
    connection.send(m.Request(1, 0, 4))
    assert feed(connection, piece(1, 0, b"data")) == [m.Piece(1, 0, 4, memoryview(b"data"))]
    last = 3 * MAX_VOID - 1
    assert feed(connection, piece(last % 10, last, bytes(7))) == [m.Piece(last % 10, last, 7, None)]


def test_a_cancel_of_nothing_changes_nothing() -> None:
    """A cancel that crosses its answer is sent all the same, and excuses no data."""
    connection = connected(m.Request(1, 0, 4))
    feed(connection, piece(1, 0, b"data"))
    connection.send(m.Cancel(1, 0, 4))
    with pytest.raises(ProtocolError, match="nobody asked for"):
        feed(connection, piece(1, 0, b"data"))
