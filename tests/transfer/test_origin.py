"""What is learnt of a file by asking its origin for one byte."""

import asyncio
import ssl
from dataclasses import replace

import httpx
import pytest
import trustme

from doctl.errors import BusyError, ContentError, DoctlError, FilteredError, NetworkError, OriginError, UsageError
from doctl.transfer.origin import Origin as Learnt
from doctl.transfer.origin import learn, read, stream
from doctl.transfer.patience import Patience
from tests.servers import origin as servers
from tests.servers.exchange import Reply, Request
from tests.servers.origin import MODIFIED, Behaviour, File, Origin
from tests.sources.fetching import DATA, QUICK, client


def learnt(url: str, patience: Patience = QUICK) -> Learnt:
    """Return what is learnt of ``url``."""

    async def ask() -> Learnt:
        async with client() as http:
            return await learn(http, url, patience)

    return asyncio.run(ask())


def test_a_file_with_ranges() -> None:
    """One request for one byte tells length, ranges, what If-Range may carry, and a name."""
    with Origin(DATA) as origin:
        found = learnt(origin.url_of("/a/update.cab?token=1"))
        assert [request.range for request in origin.requests] == [(0, 0)]
    assert (found.length, found.ranges, found.validator, found.filename) == (len(DATA), True, '"one"', "update.cab")


@pytest.mark.parametrize(
    ("behave", "length", "ranges", "validator"),
    [
        (servers.without_ranges, len(DATA), False, '"one"'),
        (servers.with_headers(etag='W/"weak"'), len(DATA), True, None),
        (servers.with_headers(etag=None), len(DATA), True, MODIFIED),
        (servers.with_headers(etag=None, date=MODIFIED), len(DATA), True, None),
        (servers.with_headers(content_range="bytes 0-0/*"), None, False, '"one"'),
        (lambda request, file: servers.in_chunks()(replace(request, headers={}), file), None, False, '"one"'),
    ],
)
def test_files_without_one_or_the_other(
    behave: Behaviour, length: int | None, ranges: bool, validator: str | None
) -> None:
    """What a server does not do or say is known afterwards, and no weak validator is taken for a strong one."""
    with Origin(DATA, behave) as origin:
        found = learnt(origin.url)
    assert (found.length, found.ranges, found.validator) == (length, ranges, validator)


def test_an_empty_file() -> None:
    """A file of no bytes has no first one: that is no error."""
    with Origin(b"") as origin:
        assert learnt(origin.url).length == 0


def test_a_name_from_the_server() -> None:
    """Where the URL ends in a slash the server's suggestion is taken, made harmless."""
    with Origin(DATA, servers.with_headers(content_disposition='attachment; filename="../.profile"')) as origin:
        assert learnt(origin.url_of("/")).filename == "profile"


def test_redirects_are_followed_and_the_connection_is_kept() -> None:
    """The URL at the end of the way is the one to fetch from; the name comes from the one asked for."""
    with Origin(DATA, servers.redirect("/b", "c?d#e", "//127.0.0.1:{port}/f")) as origin:
        origin.behave = servers.redirect("/b", "c?d#e", f"//127.0.0.1:{origin.port}/f")
        found = learnt(origin.url)
        assert [request.target for request in origin.requests] == ["/file.bin", "/b", "/c?d", "/f"]
        assert {request.connection for request in origin.requests} == {0}
    assert (found.url, found.filename, found.length) == (origin.url_of("/f"), "file.bin", len(DATA))


def test_credentials_stay_where_they_belong() -> None:
    """A user and password in the URL go to that server again, and never to another it redirects to."""
    with Origin(DATA) as other, Origin(DATA, servers.redirect("/again", other.url)) as origin:
        found = learnt(origin.url_of("/f", credentials="user:secret@"))
        assert ["authorization" in request.headers for request in origin.requests] == [True, True]
        assert ["authorization" in request.headers for request in other.requests] == [False]
        assert found.url == other.url
        origin.behave = servers.proper
        assert "user:secret@" in learnt(origin.url_of("/f", credentials="user:secret@")).url


def test_a_circle_of_redirects_is_named() -> None:
    """Going round is noticed at the first return, and the message lists the way."""
    with Origin(DATA, servers.redirect("/a", "/b", "/a")) as origin:
        with pytest.raises(OriginError) as caught:
            learnt(origin.url)
        a, b = origin.url_of("/a"), origin.url_of("/b")
        assert str(caught.value) == f"redirects go round in a circle: {a} -> {b} -> {a}"
        assert len(origin.requests) == 3


def test_endless_redirects_end() -> None:
    """A server that always sends us further is left after ten."""
    with Origin(DATA, servers.redirect(*(f"/{n}" for n in range(100)))) as origin:
        with pytest.raises(OriginError, match="more than 10 redirects"):
            learnt(origin.url)
        assert len(origin.requests) == 11


def test_a_redirect_from_https_to_http_is_refused() -> None:
    """Nothing is asked of the unprotected server."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    async def ask(url: str) -> None:
        async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
            await learn(http, url, QUICK)

    with Origin(DATA) as plain, Origin(DATA, servers.redirect(plain.url), tls=context) as origin:
        with pytest.raises(OriginError, match="redirects from https down to http://"):
            asyncio.run(ask(origin.url))
        assert plain.requests == []


def test_redirects_lead_into_this_machine_only_where_the_user_named_it() -> None:
    """Whoever was asked by another name may not send us to this very machine, and nothing is asked there."""
    with Origin(DATA) as here, Origin(DATA, servers.redirect(here.url, here.url)) as origin:
        assert learnt(origin.url).url == here.url
        with pytest.raises(OriginError, match=r"127\.0\.0\.1 is loopback: refused; name it if it is meant"):
            learnt(f"http://127.1:{origin.port}/file.bin")  # a name, as far as anybody can tell
        assert len(here.requests) == 1


@pytest.mark.parametrize("target", ["ftp://host/f", "http://:80/", "http://999.1.1.1/f", "http://xn--a/f", "\x01"])
def test_redirects_to_nowhere_are_the_servers_fault(target: str) -> None:
    """A target that nobody can fetch is an OriginError, not the caller's wrong use."""
    with (
        Origin(DATA, servers.redirect(target)) as origin,
        pytest.raises(OriginError, match=r"redirects to|location header"),
    ):
        learnt(origin.url)


@pytest.mark.parametrize("url", ["host/f", "ftp://host/f", "http://", "http://999.1.1.1/f", "http://xn--a/f"])
def test_urls_that_nobody_can_fetch_are_wrong_use(url: str) -> None:
    """The caller's own mistake is a UsageError."""
    with pytest.raises(UsageError):
        learnt(url)


@pytest.mark.parametrize(
    ("behave", "kind", "reason"),
    [
        (servers.status(401), OriginError, "wants a name and a password (answer 401)"),
        (servers.status(403), OriginError, "refuses to give the file (answer 403)"),
        (servers.status(404), OriginError, "has no such file (answer 404)"),
        (servers.status(407), OriginError, "a proxy on the way wants a name and a password (answer 407)"),
        (servers.status(416), OriginError, "says that the bytes asked for are outside the file (answer 416)"),
        (servers.status(302), OriginError, "redirects (answer 302) without saying where to"),
        (servers.other_range, OriginError, "sent bytes 1-1 instead of 0-0; the server or a proxy on the way breaks"),
        (servers.with_headers(content_encoding="gzip"), OriginError, "sent the file encoded (gzip)"),
        (
            servers.raw(b"HTTP/1.1 200 .\r\n", (b"X: y\r\n" for _ in range(10**9))),
            OriginError,
            "the answer is not HTTP as it",
        ),
        (servers.raw(b""), NetworkError, "the connection ended early"),
    ],
)
def test_answers_of_no_use(behave: Behaviour, kind: type[DoctlError], reason: str) -> None:
    """Each way to fail has a line of its own, which begins with the URL without its query; none is asked twice."""
    with Origin(DATA, behave) as origin:
        with pytest.raises(DoctlError) as caught:
            learnt(origin.url_of("/f?token=secret"))
        assert len(origin.requests) == 1
        assert str(caught.value).startswith(f"{origin.url_of('/f')}: {reason}")
    assert type(caught.value) is kind


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(code: int) -> None:
    """An answer that may change is waited for, a Retry-After included, and what comes then is used."""
    with Origin(DATA, servers.later(servers.status(code, retry_after="0"), start=0, count=2)) as origin:
        assert learnt(origin.url).length == len(DATA)
        assert len(origin.requests) == 3


def test_a_server_that_stays_busy_is_given_up() -> None:
    """After as many tries as patience allows, with the longest wait bounded, the last answer is the reason."""
    with Origin(DATA, servers.status(503, retry_after="86400")) as origin:
        with pytest.raises(BusyError, match="answered 503 Service Unavailable"):
            learnt(origin.url)
        assert len(origin.requests) == QUICK.tries


def test_a_head_that_drips_in_is_not_waited_for() -> None:
    """Bytes that keep the read timeout happy do not keep us: the head as a whole has its time."""

    with (
        Origin(DATA, servers.raw(b"HTTP/1.1 200 .\r\n", servers.slowly(b"X" * 1000))) as origin,
        pytest.raises(FilteredError, match="no answer in time"),
    ):
        learnt(origin.url, replace(QUICK, head=0.2))


def test_bodies_that_are_not_wanted_are_not_waited_for() -> None:
    """Neither an error page nor what comes with a redirect keeps us, if it never ends."""

    def endless(request: Request, file: File) -> Reply:
        code = 302 if request.target == "/file.bin" else 404
        headers = {"Location": "/gone", "Content-Length": "1000"}
        return Reply(code, headers, body=b"x" * 100, then="stall")

    with Origin(DATA, endless) as origin, pytest.raises(OriginError, match="/gone: has no such file"):
        learnt(origin.url)


async def collected(url: str) -> bytes:
    """Return the file at ``url`` as a stream brings it."""
    async with client() as http:
        origin = await learn(http, url, QUICK)
        return b"".join([bytes(chunk) async for chunk in stream(http, origin, QUICK)])


def chunked_whole(request: Request, file: File) -> Reply:
    """Answer everything with the whole file in chunks."""
    return servers.in_chunks()(replace(request, headers={}), file)


def test_a_file_of_unknown_length_comes_as_a_stream() -> None:
    """Chunks without a length arrive whole and in order."""
    with Origin(DATA, chunked_whole) as origin:
        assert asyncio.run(collected(origin.url)) == DATA


def test_a_stream_that_breaks_off_is_noticed() -> None:
    """Chunks that end without the last one are a NetworkError, not a short file."""

    def broken(request: Request, file: File) -> Reply:
        return replace(chunked_whole(request, file), body=b"5\r\nabcde\r\n", then="close")

    with Origin(DATA, broken) as origin, pytest.raises(NetworkError, match="the connection ended early"):
        asyncio.run(collected(origin.url))


def test_a_stream_of_another_version_is_noticed() -> None:
    """A file that changed since it was described is not taken for it."""

    def changing(request: Request, file: File) -> Reply:
        return chunked_whole(request, replace(file, etag=f'"{request.number}"'))

    with Origin(DATA, changing) as origin, pytest.raises(ContentError, match="changed on the server"):
        asyncio.run(collected(origin.url))


def short(url: str, most: int = 2000, patience: Patience = QUICK) -> bytes:
    """Return the short file at ``url``."""

    async def fetch() -> bytes:
        async with client() as http:
            return await read(http, url, most, patience)

    return asyncio.run(fetch())


@pytest.mark.parametrize("behave", [servers.proper, servers.in_chunks(), servers.redirect("/there")])
def test_a_short_file_is_read_whole(behave: Behaviour) -> None:
    """With a length or without, through redirects too."""
    with Origin(b"x" * 2000, behave) as origin:
        assert short(origin.url) == b"x" * 2000


@pytest.mark.parametrize("behave", [servers.proper, servers.in_chunks()])
def test_a_file_that_is_not_short_is_not_read(behave: Behaviour) -> None:
    """One byte more than allowed is an error, announced or not."""
    with Origin(b"x" * 2001, behave) as origin, pytest.raises(OriginError, match="longer than 2000 bytes"):
        short(origin.url)


def test_a_short_file_does_not_take_long() -> None:
    """One that drips in is given up."""

    def dripping(request: Request, file: File) -> Reply:
        return replace(servers.proper(request, file), body=servers.slowly(file.data))

    with Origin(b"x" * 2000, dripping) as origin, pytest.raises(FilteredError, match="no answer in time"):
        short(origin.url, patience=replace(QUICK, head=0.2))


@pytest.mark.parametrize("behave", [servers.status(404), servers.status(503), servers.cut(5), servers.raw(b"")])
def test_a_short_file_that_is_not_there(behave: Behaviour) -> None:
    """Whatever goes wrong is an error of the kind that it is, at the first try."""
    with Origin(b"x" * 2000, behave) as origin:
        with pytest.raises((OriginError, NetworkError)):
            short(origin.url)
        assert len(origin.requests) == 1
