"""The pieces of a file from an HTTP origin, with every fault that origins and proxies have."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from doctl.errors import BusyError, ContentError, DoctlError, FilteredError, NetworkError, OriginError, RefusedError
from doctl.sources.http import HttpSource
from doctl.transfer.content import Content
from doctl.transfer.desk import Kind, Source
from doctl.transfer.origin import Origin as Learnt
from doctl.transfer.origin import learn
from tests.servers import origin as servers
from tests.servers.exchange import Reply, Request
from tests.servers.origin import Behaviour, File, Origin
from tests.sources.fetching import DATA, PIECE, QUICK, WHOLE, Fetch, client, digest

CHANGED = DATA[::-1]


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """Give a download to a fresh place."""
    return Fetch(tmp_path / "file.bin")


# -- what is asked for


def test_several_ranges_at_once_on_kept_connections(fetch: Fetch) -> None:
    """The file comes in runs of adjacent pieces, each byte once, over as many connections as are allowed."""
    with Origin(DATA) as origin:
        assert fetch(origin.url) == WHOLE
        parts = sorted(request.range or (0, 0) for request in origin.requests[1:])
        assert [first for first, _ in parts] == [0, *(last + 1 for _, last in parts[:-1])]
        assert parts[-1][1] == len(DATA) - 1
        assert max(last + 1 - first for first, last in parts) > 2 * PIECE
        assert 1 < len({request.connection for request in origin.requests}) <= 5
        assert {request.headers["if-range"] for request in origin.requests[1:]} == {'"one"'}
    assert fetch.ledger.bytes_from[Kind.HTTP] == len(DATA)
    assert fetch.ledger.wasted == 0


def test_a_weak_tag_is_never_sent_as_a_condition(fetch: Fetch) -> None:
    """Without a strong validator there is no If-Range, and the file comes all the same."""
    with Origin(DATA, servers.with_headers(etag='W/"one"')) as origin:
        assert fetch(origin.url) == WHOLE
        assert not any("if-range" in request.headers for request in origin.requests)


def test_an_empty_file(fetch: Fetch) -> None:
    """A file of no bytes is there after the question for its first one."""
    with Origin(b"") as origin:
        assert fetch(origin.url) == digest(b"")
        assert len(origin.requests) == 1


def test_a_server_without_ranges_gives_one_stream(fetch: Fetch) -> None:
    """Everything comes with one request from the start."""
    with Origin(DATA, servers.without_ranges) as origin:
        assert fetch(origin.url) == WHOLE
        assert [request.range for request in origin.requests] == [(0, 0), None]


def test_a_stream_passes_over_what_is_there(fetch: Fetch) -> None:
    """After a cut the pieces that arrived are not handed in again; their bytes count as wasted."""
    with Origin(DATA, lambda request, file: Reply(200)) as origin:
        origin.behave = servers.later(
            lambda request, file: servers.cut(10 * PIECE + 5)(replace(request, headers={}), file), count=1
        )
        sound = origin.behave
        origin.behave = lambda request, file: (
            sound(request, file) if request.number == 1 else servers.without_ranges(request, file)
        )
        assert fetch(origin.url) == WHOLE
        assert len(origin.requests) == 3
    assert fetch.ledger.bytes_from[Kind.HTTP] == len(DATA)
    assert fetch.ledger.wasted == 10 * PIECE + 5


# -- faults that pass


@pytest.mark.parametrize(
    ("fault", "lost"),
    [
        (servers.cut(0), 0),
        (servers.cut(100), 100),
        (servers.cut(PIECE), 0),
        (servers.cut(PIECE + 7), 7),
        (servers.status(429, retry_after="0"), 0),
        (servers.status(503, retry_after="Sat, 31 Jan 2026 12:00:00 GMT"), 0),
        (servers.status(500), 0),
        (servers.raw(b""), 0),
        (servers.raw(b"HTTP/1.1 206 .\r\nContent-"), 0),
        (servers.in_chunks(), 0),
        (lambda request, file: replace(servers.proper(request, file), then="close"), 0),
    ],
)
def test_faults_that_pass(fault: Behaviour, lost: int, fetch: Fetch) -> None:
    """The file is right in the end, and of the whole pieces before a cut none is fetched again."""
    with Origin(DATA, servers.later(fault, count=2)) as origin:
        assert fetch(origin.url) == WHOLE
    assert fetch.ledger.bytes_from[Kind.HTTP] == len(DATA)
    assert fetch.ledger.wasted == 2 * lost


def test_a_connection_that_falls_silent_is_dropped(fetch: Fetch) -> None:
    """After the read timeout without a byte the rest is asked for anew; what had arrived is kept."""
    with Origin(DATA, servers.later(servers.cut(PIECE, then="stall"), count=2)) as origin:
        assert fetch(origin.url, timeout=0.3) == WHOLE
    assert fetch.ledger.wasted == 0


def test_cuts_without_end_are_no_reason_to_give_up_while_pieces_come(tmp_path: Path) -> None:
    """A proxy that cuts every connection after a few pieces costs only time."""
    fetch = Fetch(tmp_path / "file.bin", parallel=1)
    with Origin(DATA, servers.later(servers.cut(PIECE + 7))) as origin:
        assert fetch(origin.url) == WHOLE
        assert len(origin.requests) > 20


def test_slow_bytes_are_waited_for(tmp_path: Path) -> None:
    """A link that drips is slow, not broken."""
    fetch = Fetch(tmp_path / "file.bin", parallel=1)

    def dripping(request: Request, file: File) -> Reply:
        reply = servers.proper(request, file)
        assert isinstance(reply.body, bytes)
        return replace(reply, body=servers.slowly(reply.body, 0.002))

    with Origin(b"drop by drop" * 20, dripping) as origin:
        assert fetch(origin.url, timeout=0.5) == digest(b"drop by drop" * 20)


def test_a_server_that_allows_one_connection_gets_one(fetch: Fetch) -> None:
    """Connections that are refused retire, and the one that works brings everything."""

    def one_only(request: Request, file: File) -> Reply:
        return (servers.proper if request.connection == 0 else servers.status(503))(request, file)

    with Origin(DATA, one_only) as origin:
        assert fetch(origin.url) == WHOLE
        assert fetch.engine.failures == []


# -- faults that stay


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (servers.status(403), OriginError, "refuses to give the file"),
        (servers.status(404), OriginError, "has no such file"),
        (servers.status(416), OriginError, "outside the file"),
        (servers.status(302, location="/elsewhere"), OriginError, "302 Found"),
        (servers.other_range, OriginError, "a proxy on the way breaks range requests"),
        (servers.without_ranges, OriginError, "whole file instead of bytes"),
        (servers.with_headers(content_length="100"), OriginError, "announces 100 bytes for a part"),
        (servers.with_headers(content_length="10000000"), OriginError, "announces 10000000 bytes for a part"),
        (servers.with_headers(content_encoding="gzip"), OriginError, "sent the file encoded (gzip)"),
        (servers.in_chunks(b"more"), OriginError, "sent more bytes than the answer was to have"),
        (servers.raw(b"garbage\r\n\r\n"), OriginError, "not HTTP as it should be"),
        (servers.with_headers(etag='"two"'), ContentError, "the file changed on the server while it was being fetched"),
        (lambda r, f: servers.proper(r, File(DATA, '"two"')), ContentError, "changed on the server"),
        (lambda r, f: servers.proper(r, File(DATA + b"x")), ContentError, "changed on the server"),
        (lambda r, f: servers.proper(r, File(DATA[:10])), ContentError, "changed on the server"),
    ],
)
def test_faults_that_stay_end_it_with_their_reason(
    fault: Behaviour, kind: type[DoctlError], reason: str, fetch: Fetch
) -> None:
    """What no repetition mends is told at once in words of its own, and no file appears."""
    with Origin(DATA, servers.later(fault, start=3)) as origin:
        with pytest.raises(kind) as caught:
            fetch(origin.url)
        assert str(caught.value).startswith(f"{origin.url}: ")
        assert len(origin.requests) <= 12
    assert type(caught.value) is kind
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (servers.status(503, retry_after="0"), BusyError, "answered 503"),
        (servers.raw(b""), NetworkError, "the connection ended early"),
        (servers.cut(100), NetworkError, "the connection ended early"),
    ],
)
def test_patience_ends(fault: Behaviour, kind: type[DoctlError], reason: str, fetch: Fetch) -> None:
    """Without any progress each connection tries as often as patience allows; the last failure is the reason."""
    with Origin(DATA, servers.later(fault)) as origin:
        with pytest.raises(kind, match=reason):
            fetch(origin.url)
        assert len(origin.requests) == 1 + 4 * QUICK.tries


def test_silence_without_end_is_told_as_such(tmp_path: Path) -> None:
    """An origin that accepts and never answers again is a FilteredError."""
    fetch = Fetch(tmp_path / "file.bin", patience=replace(QUICK, tries=2))
    with Origin(DATA, servers.later(servers.cut(0, then="stall"))) as origin, pytest.raises(FilteredError):
        fetch(origin.url, timeout=0.2)


def test_bytes_beyond_the_announced_end_are_never_taken_for_the_file(fetch: Fetch) -> None:
    """More bytes than Content-Length said are dropped with the connection or are an error, but never used."""
    with Origin(DATA, servers.later(servers.too_long)) as origin:
        try:
            assert fetch(origin.url) == WHOLE
        except OriginError as error:
            assert "not HTTP as it should be" in str(error)


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"', None])
def test_two_versions_are_never_mixed(etag: str | None, fetch: Fetch) -> None:
    """A file that changes in the middle ends the download, by tag, by weak tag or by date, whatever the server does."""

    def changing(request: Request, file: File) -> Reply:
        newer = File(CHANGED, etag and etag.replace("one", "two"), "Sat, 31 Jan 2026 12:00:00 GMT")
        return servers.proper(request, newer if request.number > 3 else replace(file, etag=etag))

    with Origin(DATA, changing) as origin, pytest.raises(ContentError, match="changed on the server"):
        fetch(origin.url)


def test_others_get_what_a_failing_origin_gives_back(tmp_path: Path) -> None:
    """While one origin is waited for, its pieces come from the other; nobody waits for the pause to end."""
    patience = replace(QUICK, first=60, most=60)
    fetch = Fetch(tmp_path / "file.bin", patience=patience)
    started = time.monotonic()
    with Origin(DATA, servers.later(servers.status(503))) as busy, Origin(DATA) as good:
        assert fetch(busy.url, good.url) == WHOLE
    assert time.monotonic() - started < 30


def test_an_origin_that_dies_is_no_failure_while_others_are_left(fetch: Fetch) -> None:
    """What one origin cannot give any more comes from the other."""
    with Origin(DATA, servers.later(servers.status(404), start=2)) as dying, Origin(DATA) as good:
        assert fetch(dying.url, good.url) == WHOLE
    assert [type(error) for _, error in fetch.engine.failures] == [OriginError]


def test_an_origin_that_is_gone_is_told_as_refused(fetch: Fetch) -> None:
    """When nobody listens any more, that is the reason."""

    async def ask(url: str) -> Learnt:
        async with client() as http:
            return await learn(http, url)

    async def after_it_is_gone(found: Learnt) -> None:
        async with client() as http:
            await HttpSource(http, found, run=1, patience=QUICK).run(Table(Content(len(DATA), PIECE)))

    with Origin(DATA) as origin:
        found = asyncio.run(ask(origin.url))
    with pytest.raises(RefusedError, match="connection refused"):
        asyncio.run(after_it_is_gone(found))


# -- manners at the counter


class Table:
    """A counter that keeps account of all that is taken and given; ``idle`` when so many workers find nothing."""

    def __init__(self, content: Content, workers: int = 1, *, gentle: bool = False) -> None:
        self.content = content
        self.gentle = gentle
        self.manners: list[str] = []
        self.wanted = deque(range(content.pieces))
        self.unwanted: set[int] = set()
        self.delivered: dict[int, bytes] = {}
        self.returned: list[int] = []
        self.out = 0
        self.most_out = 0
        self.received = 0
        self.wasted = 0
        self.working = workers
        self.idle = asyncio.Event()
        self.arrived = asyncio.Event()
        self.on_delivery: Callable[[int], None] = lambda piece: None

    def take_run(self, source: Source, most: int) -> range:
        first = self.wanted[0] if self.wanted else 0
        count = 0
        while self.wanted and count < most and self.wanted[0] == first + count:
            self.wanted.popleft()
            count += 1
        return range(first, first + count)

    def take_rest(self, source: Source) -> list[int]:
        rest = list(self.wanted)
        self.wanted.clear()
        return rest

    def take(self, source: Source, most: int) -> list[int]:
        raise AssertionError("only peers take single pieces")

    def meet(self, source: Source, peer_id: bytes) -> None:
        raise AssertionError("only peers say who they are")

    def offers(self, source: Source) -> bool:
        raise AssertionError("only peers have to be interested")

    def has(self, source: Source, pieces: int) -> None:
        raise AssertionError("only peers say what they have")

    def forget(self, source: Source) -> None:
        raise AssertionError("only peers lose what they have")

    def useful(self, source: Source) -> bool:
        return True

    def still_wanted(self, piece: int) -> bool:
        return piece not in self.unwanted

    async def changed(self) -> None:
        self.working -= 1
        if not self.working:
            self.idle.set()
        await asyncio.Event().wait()

    async def buffer(self) -> memoryview:
        self.out += 1
        self.most_out = max(self.most_out, self.out)
        return memoryview(bytearray(self.content.piece_size))

    def discard(self, buffer: memoryview) -> None:
        self.out -= 1

    def deliver(self, source: Source, piece: int, buffer: memoryview) -> None:
        self.out -= 1
        self.delivered[piece] = bytes(buffer[: self.content.size_of(piece)])
        self.on_delivery(piece)

    def give_back(self, source: Source, pieces: Iterable[int]) -> None:
        self.returned += pieces

    def trouble(self, error: DoctlError) -> None:
        pass

    def tell_manners(self, means: str) -> None:
        self.manners.append(means)

    def waste(self, count: int) -> None:
        self.wasted += count

    async def may_receive(self, source: Source, count: int) -> None:
        self.received += count
        if self.received >= PIECE + 100:
            self.arrived.set()


async def at_table(url: str, table: Table, parallel: int | None = None) -> None:
    """Let an origin work for ``table`` until nothing is left to take, then cancel it."""
    async with client() as http:
        source = HttpSource(http, await learn(http, url), parallel=parallel or table.working, patience=QUICK)
        assert (source.name, source.kind) == ("127.0.0.1", Kind.HTTP)
        work = asyncio.create_task(source.run(table))
        idle = asyncio.create_task(table.idle.wait())
        await asyncio.wait([work, idle], return_when=asyncio.FIRST_COMPLETED)
        for task in (work, idle):
            task.cancel()
        await asyncio.gather(work, idle, return_exceptions=True)


def test_memory_is_one_buffer_for_each_connection() -> None:
    """No connection holds more than the piece it is filling, and each byte is asked leave for."""
    with Origin(DATA) as origin:
        table = Table(Content(len(DATA), PIECE), workers=3)
        asyncio.run(at_table(origin.url, table))
    assert digest(b"".join(table.delivered[piece] for piece in sorted(table.delivered))) == WHOLE
    assert table.most_out <= 3
    assert (table.out, table.received) == (0, len(DATA))


def test_a_gentle_source_has_one_connection_and_says_how_it_gives_way() -> None:
    """In the background one connection is enough, and whatever it comes over is told with each answer."""
    with Origin(DATA) as origin:
        table = Table(Content(len(DATA), PIECE), workers=1, gentle=True)
        asyncio.run(at_table(origin.url, table, parallel=3))
        assert len({request.connection for request in origin.requests}) == 1
    assert digest(b"".join(table.delivered[piece] for piece in sorted(table.delivered))) == WHOLE
    assert set(table.manners) == {"no need, the other side is on this machine"}


@pytest.mark.parametrize("behave", [servers.proper, servers.without_ranges])
def test_pieces_that_others_brought_are_left_out(behave: Behaviour) -> None:
    """A piece that nobody wants any more is given back, whether the rest is asked for anew or streams on."""
    with Origin(DATA, behave) as origin:
        table = Table(Content(len(DATA), PIECE))
        table.unwanted = {3, 4, 50}
        asyncio.run(at_table(origin.url, table))
        assert set(table.delivered) | set(table.returned) >= set(range(table.content.pieces)) - {5, 6, 7}
        assert not table.unwanted & set(table.delivered)
        assert table.out == 0


def test_after_a_gap_the_rest_of_a_run_is_given_back() -> None:
    """With ranges, bytes that nobody wants are not read: what comes after them is handed back to be asked for anew."""
    with Origin(DATA) as origin:
        table = Table(Content(len(DATA), PIECE))
        table.unwanted = {3}
        asyncio.run(at_table(origin.url, table))
    assert table.returned == [3, 4, 5, 6, 7]
    assert table.wasted == 0


def test_a_run_that_others_finished_is_not_read_on() -> None:
    """When the last pieces of a run are brought by others meanwhile, its answer is left."""
    with Origin(DATA) as origin:
        table = Table(Content(len(DATA), PIECE))
        table.on_delivery = lambda piece: table.unwanted.update(range(51))
        asyncio.run(at_table(origin.url, table))
    assert list(table.delivered) == [0]
    assert sorted(table.returned) == list(range(1, 51))


class Overtaken(Table):
    """A counter to which somebody else brings piece 1 when a little of it is here."""

    async def may_receive(self, source: Source, count: int) -> None:
        await super().may_receive(source, count)
        if self.arrived.is_set():
            self.unwanted.add(1)


def test_the_rest_of_a_piece_that_others_brought_is_not_waited_for() -> None:
    """On a slow line it would keep the next piece waiting, and the origin busy in vain."""
    with Origin(DATA, servers.later(servers.cut(PIECE + 100, then="stall"))) as origin:
        table = Overtaken(Content(len(DATA), PIECE))
        table.wanted = deque([0, 1])
        asyncio.run(at_table(origin.url, table))
    assert (list(table.delivered), table.returned, table.wasted, table.out) == ([0], [1], 100, 0)


def test_a_cancelled_source_leaves_nothing_behind() -> None:
    """In the middle of a piece the buffer goes back, the pieces too, and the bytes count as wasted."""
    with Origin(DATA, servers.later(servers.cut(PIECE + 100, then="stall"))) as origin:
        table = Table(Content(len(DATA), PIECE))

        async def cancel() -> None:
            async with client() as http:
                source = HttpSource(http, await learn(http, origin.url), parallel=1, patience=QUICK)
                work = asyncio.create_task(source.run(table))
                await table.arrived.wait()
                await asyncio.sleep(0)  # what arrived goes into the buffer
                work.cancel()
                await asyncio.wait([work])
                assert work.cancelled()

        asyncio.run(cancel())
    assert list(table.delivered) == [0]
    assert (table.out, table.wasted, table.returned) == (0, 100, list(range(1, 8)))
