"""Hostile peers: noise, and real conversations with bytes exchanged, cut out and put in, in any portions."""

import tracemalloc

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doctl.wire import messages as m
from doctl.wire.layout import Layout
from doctl.wire.swarm import SwarmConnection
from tests.fuzz import MAY_RAISE

LAYOUT = Layout(9 * 2048 - 5, 2048)
HELLO = m.Handshake(bytes(32), bytes(20))
ASKED = [m.Request(index, 0, 2043) for index in range(9)]
MOST_EVENTS = 1000
PROMISED = MAY_RAISE["doctl.wire.swarm.SwarmConnection"]

CONVERSATION = b"".join(
    [
        HELLO.encode(),
        m.KeepAlive().encode(),
        m.Bitfield(LAYOUT.all_pieces, LAYOUT.pieces).encode(),
        m.Unchoke().encode(),
        m.Interested().encode(),
        m.Have(3).encode(),
        m.Request(3, 7, 100).encode(),
        m.Cancel(3, 7, 100).encode(),
        m.Filler(50).encode(),
        *(m.Piece(index, 0, 2043).header() + bytes([index]) * 2043 for index in range(3)),
        m.Choke().encode(),
        *(m.Piece(index, 0, 2043).header() + bytes([index]) * 2043 for index in range(3, 5)),
        m.NotInterested().encode(),
    ]
)
HEAD = 75

NOISE = st.binary(max_size=300)
LENGTHS = st.one_of(st.integers(0, 40), st.sampled_from([2052, m.MAX_MESSAGE, m.MAX_MESSAGE + 1, 0xFFFFFFFF]))
FRAMES = st.lists(
    st.builds(
        lambda length, kind, body: length.to_bytes(4, "big") + bytes([kind]) + body,
        LENGTHS,
        st.integers(0, 21),
        st.binary(max_size=16),
    ),
    max_size=8,
).map(b"".join)
SPLICED = st.builds(
    lambda start, count, middle: CONVERSATION[:start] + middle + CONVERSATION[start + count :],
    st.integers(0, len(CONVERSATION)) | st.integers(HEAD, HEAD + 120),
    st.sampled_from([0, 1, 2, 4, 5, 9, 17, 2056]),
    st.binary(max_size=20) | FRAMES,
)
STREAMS = st.one_of(NOISE, NOISE.map(lambda noise: HELLO.encode() + noise), FRAMES.map(HELLO.encode().__add__), SPLICED)


def hear(data: bytes, portions: list[int], places: int) -> None:
    """Read ``data`` in ``portions``, having asked for every piece; bit i of ``places`` says whether i has memory."""
    connection = SwarmConnection(
        lambda index, _offset, length: memoryview(bytearray(length)) if places >> index & 1 else None
    )
    connection.start(LAYOUT)
    connection.send(HELLO)
    for request in ASKED:
        connection.send(request)
    left, events, turn = memoryview(data), 0, 0
    while left:
        buffer = connection.buffer()
        assert len(buffer) > 0
        count = min(len(buffer), len(left), portions[turn % len(portions)])
        buffer[:count] = left[:count]
        left, turn = left[count:], turn + 1
        connection.received(count)
        while connection.next_event() is not None:
            events += 1
    assert events <= MOST_EVENTS
    connection.received(0)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    data=STREAMS,
    portions=st.lists(st.integers(1, 5000), min_size=1, max_size=4),
    places=st.integers(0, LAYOUT.all_pieces),
)
def test_only_a_protocol_error_comes_out(data: bytes, portions: list[int], places: int) -> None:
    """Whatever a peer sends is heard or refused as its fault, in a line; there is always room to read more."""
    try:
        hear(data, portions, places)
    except PROMISED as error:
        assert getattr(error, "fault", None) == "remote"
        assert 0 < len(str(error)) < 200


@settings(max_examples=100, deadline=None)
@given(data=FRAMES.map(HELLO.encode().__add__))
def test_no_peer_decides_how_much_memory_is_used(data: bytes) -> None:
    """Lengths that a peer claims cost nothing: what is set aside is bounded by what was asked for."""
    tracemalloc.start()
    try:
        hear(data, [1 << 20], LAYOUT.all_pieces)
    except PROMISED:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 100_000


def test_the_conversation_itself_is_sound() -> None:
    """What is spoilt here is a real conversation: unspoilt, it is heard to its end."""
    hear(CONVERSATION, [100], LAYOUT.all_pieces)
