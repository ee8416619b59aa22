"""What goes wrong with HTTP is told as doctl's own errors, against real sockets."""

import asyncio
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
import trustme

from doctl.errors import (
    DoctlError,
    FilteredError,
    NameLookupError,
    NetworkError,
    OriginError,
    RefusedError,
    TlsError,
    UsageError,
)
from doctl.net.http_errors import named
from tests import need
from tests.servers.canned import saying
from tests.servers.origin import Behaviour, Origin, cut, raw, status


def error_of(url: str, *, proxy: str | None = None, timeout: float = 5.0) -> DoctlError:
    """Return what fetching ``url`` ends in."""

    async def fetch() -> None:
        async with httpx.AsyncClient(proxy=proxy, trust_env=False, timeout=timeout) as client:
            with named(url) as extensions:
                async with client.stream("GET", url, extensions=extensions) as response:
                    async for _ in response.aiter_raw():
                        pass

    with pytest.raises(DoctlError) as caught:
        asyncio.run(fetch())
    assert str(caught.value).startswith(url)
    assert str(caught.value).isprintable()
    return caught.value


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Hold a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def test_nobody_listens(closed_port: int) -> None:
    """A closed port is a RefusedError."""
    error = error_of(f"http://127.0.0.1:{closed_port}/f")
    assert type(error) is RefusedError
    assert str(error) == f"http://127.0.0.1:{closed_port}/f: connection refused"


@pytest.mark.parametrize("url", ["http://host.invalid/f", "https://host.invalid/f", "http://127.0.0.1:9/f"])
def test_a_dead_proxy_is_named(closed_port: int, url: str) -> None:
    """When it is the proxy that refuses, the message says so and not that the host did."""
    error = error_of(url, proxy=f"http://127.0.0.1:{closed_port}")
    assert type(error) is RefusedError
    assert str(error) == f"{url} through 127.0.0.1:{closed_port}: connection refused"


def test_a_name_without_address() -> None:
    """A label longer than DNS allows never gets as far as a server: a NameLookupError."""
    assert type(error_of(f"http://{'a' * 64}.invalid/f")) is NameLookupError


def test_a_silent_server() -> None:
    """A server that accepts and says nothing is a FilteredError once the read timeout is over."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        error = error_of(f"http://127.0.0.1:{server.getsockname()[1]}/f", timeout=0.2)
    assert type(error) is FilteredError
    assert "no answer in time" in str(error)


def test_a_network_without_a_way() -> None:
    """In a network namespace without any route the system says so: an UnreachableError with the system's words."""
    need.root()
    script = (
        "import asyncio, httpx\n"
        "from doctl.net.http_errors import named\n"
        "async def main():\n"
        "    async with httpx.AsyncClient(trust_env=False) as client:\n"
        "        with named('URL'):\n"
        "            await client.get('http://192.0.2.1/')\n"
        "try: asyncio.run(main())\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    command = [need.program("unshare"), "--net", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "UnreachableError URL: Network is unreachable\n"


@pytest.mark.parametrize(
    ("behave", "kind", "reason"),
    [
        (raw(), NetworkError, "the connection ended early"),
        (raw(b"HTTP/1.1 200 OK\r\n"), NetworkError, "the connection ended early"),
        (cut(10), NetworkError, "the connection ended early"),
        (raw(b"HTTP/1.1 200 .\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), NetworkError, "ended early"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), OriginError, "not HTTP as it should be"),
        (raw(b"HTTP/1.1 200 .\r\nContent-Length: 5, 6\r\n\r\n"), OriginError, "not HTTP as it should be"),
        (raw(b"HTTP/1.1 200 .\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), OriginError, "not HTTP as it should be"),
        (raw(b"HTTP/1.1 200 .\r\n", (b"X: y\r\n" for _ in range(10**9))), OriginError, "not HTTP as it should be"),
        (raw(b"HTTP/1.1 200 .\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"), OriginError, "not HTTP as it should be"),
    ],
)
def test_answers_that_end_early_or_are_no_http(behave: Behaviour, kind: type[DoctlError], reason: str) -> None:
    """A connection that ends is the network's doing, broken HTTP the server's; endless headers are cut off."""
    with Origin(b"x" * 1000, behave) as origin:
        error = error_of(origin.url)
    assert type(error) is kind
    assert reason in str(error)


def test_a_connection_that_is_reset() -> None:
    """A reset is told as one."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        async def fetch() -> None:
            async with httpx.AsyncClient(trust_env=False) as client:
                with named("URL"):
                    await client.get(f"http://127.0.0.1:{server.getsockname()[1]}/")

        async def reset() -> None:
            sock, _ = await asyncio.to_thread(server.accept)
            await asyncio.to_thread(sock.recv, 10)
            sock.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0" if sys.platform != "win32" else b"\1\0\0\0"
            )
            sock.close()

        async def both() -> None:
            resetting = asyncio.create_task(reset())
            try:
                await fetch()
            finally:
                await resetting

        with pytest.raises(NetworkError, match=r"^URL: the connection was (reset|lost)"):
            asyncio.run(both())


def test_a_certificate_that_is_not_trusted() -> None:
    """An unknown authority is a TlsError with the library's reason."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with Origin(b"x", tls=context) as origin:
        error = error_of(origin.url)
    assert type(error) is TlsError
    assert "its certificate is not trusted" in str(error)


def test_no_tls_where_https_was_asked_for() -> None:
    """A server that speaks plain HTTP on an https URL is a TlsError."""
    with saying(b"HTTP/1.1 400 .\r\n\r\n") as address:
        error = error_of(f"https://{address}/f")
    assert type(error) is TlsError
    assert "no TLS there" in str(error)


def test_a_proxy_that_opens_no_tunnel() -> None:
    """A proxy's refusal of CONNECT is an OriginError with its status."""
    with Origin(b"x", status(407)) as proxy:
        error = error_of("https://host.invalid/f", proxy=f"http://127.0.0.1:{proxy.port}")
    assert type(error) is OriginError
    assert "the proxy opens no tunnel (407" in str(error)


@pytest.mark.parametrize("url", ["http://999.1.1.1/", "http://xn--a/", "ftp://host/", "http://[::1/"])
def test_urls_that_the_library_refuses(url: str) -> None:
    """They are the caller's mistake."""
    assert type(error_of(url)) is UsageError


def test_several_addresses_and_the_reason_that_says_most() -> None:
    """Of several failures behind one error an answer counts more than silence, and general ones do not count."""
    silent, refused = TimeoutError(110, "timed out"), ConnectionRefusedError(111, "refused")
    with pytest.raises(RefusedError), named("URL"):
        try:
            raise OSError("All connection attempts failed") from ExceptionGroup("several", [silent, refused])
        except OSError as error:
            raise httpx.ConnectError("All connection attempts failed") from error


def test_an_error_that_says_nothing() -> None:
    """What has no known reason behind it is a plain NetworkError with the library's words."""
    with pytest.raises(NetworkError, match=r"^URL: the connection was lost \(words\)$"), named("URL"):
        raise httpx.ReadError("words")
    with pytest.raises(NetworkError, match=r"^URL: no connection was free in time$"), named("URL"):
        raise httpx.PoolTimeout("")
