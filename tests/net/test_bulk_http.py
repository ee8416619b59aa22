"""Large downloads over plain HTTP: to the last byte and error as the library does it, but into one's own buffers."""

import asyncio
import select
import socket
import sys
from dataclasses import replace
from typing import Any

import httpx
import pytest

from doctl.errors import DoctlError, FilteredError, NameLookupError, OriginError, RefusedError
from doctl.net.http_errors import named
from doctl.net.loop import Loop
from doctl.net.system import SystemNetwork
from tests.servers.canned import saying
from tests.servers.origin import Behaviour, Origin, in_chunks, later, proper, raw, with_headers

BODY = bytes(range(256)) * 4096
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

ANSWERS = {
    "as it should be": HEAD + b"bytes",
    "no reason phrase": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nbytes",
    "until it closes": b"HTTP/1.1 200 OK\r\n\r\nbytes",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nbytes",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n0\r\n\r\n",
    "chunked, and a length": HEAD[:-2] + b"Transfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n0\r\n\r\n",
    "announced before": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HEAD + b"bytes",
    "nothing in it": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not changed": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "the same length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nbytes",
    "more than announced": HEAD + b"bytes and more",
    "an error with a text": b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nlater",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nbytes",
    "a length below nothing": b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbytes",
    "a length in words": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nbytes",
    "a length of many digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\nbytes",
    "less than announced": HEAD + b"byte",
    "only a head": HEAD,
    "half a head": HEAD[:30],
    "a chunk cut short": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbyt",
    "a chunk without a size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nbytes\r\n0\r\n\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000,
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a zero in a header": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nbytes",
    "another protocol from now on": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "nothing at all": b"",
}


def client(bulk: bool = True, timeout: float = 20.0, connections: int = 4) -> httpx.AsyncClient:
    """Make the client that the system's network makes."""
    return SystemNetwork().http(direct=True, timeout=timeout, connections=connections, bulk=bulk)


async def taken(response: httpx.Response) -> bytes:
    """Read a body into buffers as long as it gives anything."""
    data, buffer = bytearray(), memoryview(bytearray(100_000))
    while count := await response.extensions["into"](buffer):
        data += buffer[:count]
    return bytes(data)


async def outcome(http: httpx.AsyncClient, url: str) -> object:
    """Ask for ``url`` and return what came, or the kind of error."""
    try:
        with named(url) as extensions:
            response = await http.get(url, extensions=extensions)
    except DoctlError as error:
        return type(error)
    return response.status_code, sorted(response.headers.items()), response.content


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_whatever_a_server_says_is_taken_as_the_library_takes_it(answer: bytes) -> None:
    """The same status, headers and body, or the same kind of error."""

    async def both(url: str) -> list[object]:
        async with client(bulk=True) as ours, client(bulk=False) as library:
            return [await outcome(ours, url), await outcome(library, url)]

    with Origin(b"", raw(answer)) as origin:
        ours, library = asyncio.run(both(origin.url))
    assert ours == library


def test_a_body_goes_into_buffers() -> None:
    """All of it, in as many steps as it takes, and then nothing more."""

    async def fetch(url: str) -> bytes:
        async with client() as http, http.stream("GET", url) as response:
            return await taken(response)

    with Origin(BODY) as origin:
        assert asyncio.run(fetch(origin.url)) == BODY


@pytest.mark.parametrize("bulk", [True, False])
def test_a_new_connection_is_looked_at_before_anything_is_sent(bulk: bool) -> None:
    """Who makes a request may refuse the address that answered, and then nobody there hears of the request."""
    told = []

    def check(host: str, address: object) -> None:
        told.append((host, str(address)))
        raise OriginError("not there")

    async def fetch(url: str) -> None:
        with named("x", check) as extensions:
            async with client(bulk=bulk) as http:
                await http.get(url, extensions=extensions)

    with Origin(BODY) as origin:
        with pytest.raises(OriginError, match="not there"):
            asyncio.run(fetch(origin.url))
        assert (told, origin.requests) == ([("127.0.0.1", "127.0.0.1")], [])


@pytest.mark.parametrize("behave", [in_chunks(), with_headers(content_length=None, connection="close")])
def test_a_body_of_unknown_length_comes_as_it_does_from_the_library(behave: Behaviour) -> None:
    """There is no reading into buffers then, and the body is whole."""

    async def fetch(url: str) -> tuple[bool, bytes]:
        async with client() as http, http.stream("GET", url) as response:
            return "into" in response.extensions, b"".join([part async for part in response.aiter_raw()])

    with Origin(BODY, closing_after(behave)) as origin:
        assert asyncio.run(fetch(origin.url)) == (False, BODY)


def connections_used(behave: Behaviour, *, read: bool = True) -> list[int]:
    """Fetch three times with one client and return which connection each request came over."""

    async def fetch(url: str) -> None:
        async with client() as http:
            for _ in range(3):
                async with http.stream("GET", url) as response:
                    if read:
                        await response.aread()

    with Origin(BODY, behave) as origin:
        asyncio.run(fetch(origin.url))
        return [request.connection for request in origin.requests]


@pytest.mark.parametrize(
    ("behave", "read", "used"),
    [
        (proper, True, [0, 0, 0]),
        (in_chunks(), True, [0, 0, 0]),
        (proper, False, [0, 1, 2]),
        (later(with_headers(connection="keep-alive, Close"), 1, 1), True, [0, 0, 1]),
    ],
    ids=["read", "chunked", "left unread", "closed by the server's word"],
)
def test_a_connection_is_used_again_where_that_is_safe(behave: Behaviour, read: bool, used: list[int]) -> None:
    """Once its answer is read to the end, and unless the server said that it closes."""
    assert connections_used(behave, read=read) == used


@pytest.mark.parametrize("more", [b"", HEAD + b"trap!"], ids=["closed", "talked"])
def test_a_connection_that_did_not_keep_quiet_is_not_used_again(more: bytes) -> None:
    """The server closed it, or sent what nobody asked for: an answer to come would be mistaken for it."""

    async def fetch(url: str) -> list[bytes]:
        found = []
        async with client() as http:
            for _ in range(2):
                response = await http.get(url)
                found.append(response.content)
                sock = response.extensions["network_stream"].get_extra_info("socket")
                if sock.fileno() >= 0:
                    await asyncio.to_thread(select.select, [sock], [], [], 20)
        return found

    with Origin(b"", raw(HEAD + b"right", more)) as origin:
        assert asyncio.run(fetch(origin.url)) == [b"right", b"right"]


def closing_after(behave: Behaviour) -> Behaviour:
    """Answer as ``behave`` does and close without having said so."""
    return lambda request, file: replace(behave(request, file), then="close")


def error_of(url: str, **options: Any) -> type[BaseException]:
    """Return the kind of error in which a request ends."""

    async def fetch() -> object:
        async with client(**options) as http:
            return await outcome(http, url)

    kind = asyncio.run(fetch())
    assert isinstance(kind, type)
    return kind


def test_nobody_there() -> None:
    """A refused connection is told as one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    assert error_of(url) is RefusedError


def test_silence_ends_with_the_timeout() -> None:
    """A server that takes the request and says nothing holds nobody for longer than was asked."""
    with saying(b"", silent=True) as address:
        assert error_of(f"http://{address}/", timeout=0.2) is FilteredError


def test_a_name_without_an_address() -> None:
    """It is told as such."""
    assert error_of("http://host.invalid/") is NameLookupError


def test_no_more_connections_than_allowed() -> None:
    """Who comes too late waits for one to become free, and no longer than the timeout."""

    async def fetch(url: str) -> bytes:
        async with client(timeout=0.2, connections=1) as http:
            async with http.stream("GET", url) as first:
                with pytest.raises(httpx.PoolTimeout):
                    await http.get(url)
                await taken(first)
            return (await http.get(url)).content

    with Origin(BODY) as origin:
        assert asyncio.run(fetch(origin.url)) == BODY


class TwoAddresses(Loop):
    """A loop for which every name has an address where nobody answers and then the right one."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Return both."""
        dead = await super().getaddrinfo("127.0.0.2", port, **options)
        return dead + await super().getaddrinfo("127.0.0.1", port, **options)


@pytest.mark.skipif(sys.platform == "win32", reason="there refusing takes two seconds")
def test_one_dead_address_of_two_is_no_hindrance() -> None:
    """The next one is tried."""

    async def fetch(port: int) -> bytes:
        async with client() as http:
            return (await http.get(f"http://two.example:{port}/")).content

    with Origin(BODY) as origin, asyncio.Runner(loop_factory=TwoAddresses) as runner:
        assert runner.run(fetch(origin.port)) == BODY


def test_what_is_sent_arrives() -> None:
    """A request with a body, a query and a host of its own comes as httpx wrote it."""

    async def post(url: str) -> None:
        async with client() as http:
            await http.post(f"{url}?a=b%20c", content=b"question", headers={"Host": "named.example"})

    with Origin(b"", closing_after(proper)) as origin:
        asyncio.run(post(origin.url))
        request = origin.requests[0]
    assert (request.method, request.target) == ("POST", "/file.bin?a=b%20c")
    assert (request.headers["host"], request.headers["content-length"]) == ("named.example", "8")


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the library does it all."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def fetch() -> httpx.Response:
        async with SystemNetwork().http(timeout=20, bulk=True) as http:
            return await http.get("http://host.invalid/file")

    with Origin(BODY) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert asyncio.run(fetch()).content == BODY
        assert proxy.requests[0].target == "http://host.invalid/file"
