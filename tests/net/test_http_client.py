"""The HTTP client: its proxies, its trust, what it asks for."""

import asyncio
import ssl
import sys
from pathlib import Path

import httpx
import pytest
import trustme

from doctl.errors import UsageError
from doctl.net.http_client import READ_SIZE
from doctl.net.system import SystemNetwork
from tests.servers.exchange import Request
from tests.servers.origin import Origin, redirect, status

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def get(url: str, *, proxy: str | None = None, direct: bool = False) -> httpx.Response:
    """Fetch ``url`` with the client that the system's network makes."""

    async def fetch() -> httpx.Response:
        async with SystemNetwork().http(proxy=proxy, direct=direct, timeout=5) as client:
            return await client.get(url)

    return asyncio.run(fetch())


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test without proxies in the environment."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_what_it_sends() -> None:
    """It says who it is and asks for the bytes as they are."""
    with Origin(b"x") as origin:
        get(origin.url)
        headers = origin.requests[0].headers
    assert (headers["user-agent"], headers["accept-encoding"]) == ("doctl", "identity")


def test_it_follows_no_redirect() -> None:
    """Where a redirect may lead is for others to decide."""
    with Origin(b"x", redirect("/other")) as origin:
        assert get(origin.url).status_code == 302
        assert len(origin.requests) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there asyncio itself reads no more than 64 KiB at once")
def test_it_reads_much_at_once() -> None:
    """A body comes in pieces larger than the library's own 64 KiB, so the setting that says so still works."""

    async def sizes(url: str) -> list[int]:
        async with SystemNetwork().http(direct=True, timeout=5) as client, client.stream("GET", url) as response:
            return [len(chunk) async for chunk in response.aiter_raw()]

    with Origin(b"x" * (8 << 20)) as origin:
        assert 64 << 10 < max(asyncio.run(sizes(origin.url))) <= READ_SIZE


def through(request: Request) -> bool:
    """Whether a request came as it comes to a proxy."""
    return request.target.startswith("http://")


@pytest.mark.parametrize("written", ["http://127.0.0.1:{}", "127.0.0.1:{}", "http://user:pa%40ss@127.0.0.1:{}"])
def test_a_named_proxy_is_used(written: str) -> None:
    """As a URL, as host and port, and with credentials, which go to the proxy alone."""
    with Origin(b"x") as proxy:
        get("http://host.invalid/f", proxy=written.format(proxy.port))
        request = proxy.requests[0]
    assert through(request)
    assert ("proxy-authorization" in request.headers) is ("@" in written)
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("environment", "direct", "used"),
    [
        ({"HTTP_PROXY": "http://127.0.0.1:{}"}, False, True),
        ({"http_proxy": "http://127.0.0.1:{}"}, False, True),
        ({"http_proxy": "127.0.0.1:{}"}, False, True),
        ({"all_proxy": "http://127.0.0.1:{}"}, False, True),
        ({"http_proxy": "http://127.0.0.1:{}", "no_proxy": "127.0.0.1"}, False, False),
        ({"http_proxy": "http://127.0.0.1:{}"}, True, False),
    ],
)
def test_the_environment_decides_unless_told_otherwise(
    environment: dict[str, str], direct: bool, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's proxies and their exceptions hold, and ``direct`` overrules them."""
    with Origin(b"x", status(404)) as origin, Origin(b"x", status(407)) as proxy:
        for name, value in environment.items():
            monkeypatch.setenv(name, value.format(proxy.port))
        assert get(origin.url, direct=direct).status_code == (407 if used else 404)


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("socks5://host:1080", "the proxy, socks5://host:1080, is not usable: SOCKS is not supported"),
        ("socks5://user:secret@host", "the proxy, socks5://***@host:1080, is not usable"),
        ("ftp://host:1", "not a kind of proxy"),
        ("http://host:secret@", "not a proxy's address"),
        ("http://host:99999", "not a proxy's address"),
    ],
)
def test_proxies_that_cannot_be_used(proxy: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are refused in one line without their password, named or from the environment."""
    with pytest.raises(UsageError) as caught:
        SystemNetwork().http(proxy=proxy, timeout=5)
    assert reason in str(caught.value)
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(UsageError, match="the proxy set for https in the environment") as caught:
        SystemNetwork().http(timeout=5)
    assert "secret" not in str(caught.value)


def test_exceptions_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken NO_PROXY is wrong use, not a traceback."""
    monkeypatch.setenv("no_proxy", "[::1")
    with pytest.raises(UsageError, match="NO_PROXY in the environment is not usable"):
        SystemNetwork().http(timeout=5)


def test_the_trust_is_that_of_ssl_cert_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority in SSL_CERT_FILE is trusted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with Origin(b"secret", tls=context) as origin:
        assert get(origin.url, direct=True).content == b"secret"
