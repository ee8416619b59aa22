"""The real command: its endpoints through real HTTP and TLS, two of it on one Redis, clients that mean harm."""

import concurrent.futures
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from doctl.net import http_server
from doctl.wire import hash_file, service
from doctl.wire.joining import parse_join_answer
from tests.coordination.members import request
from tests.integration.commands import DOCTL, doctl, write_random
from tests.servers.nginx import trusting
from tests.servers.redis import redis
from tests.waiting import until

TOKEN = "t" * 32


@dataclass(frozen=True)
class Running:
    """A running ``doctl coordinator``: its base URL and its process."""

    url: str
    process: "subprocess.Popen[str]"

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self.url.rpartition("/")[2].rsplit(":", 1)
        return host, int(port)


@contextlib.contextmanager
def coordinator(home: Path, *options: object) -> Iterator[Running]:
    """Run it on a free port until the block ends; it keeps hash files below ``home``."""
    command = [*DOCTL, "coordinator", "--listen", "127.0.0.1:0", "--format", "json", *map(str, options)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "XDG_CACHE_HOME": str(home)},
    ) as process:
        try:
            assert process.stdout is not None
            event = json.loads(process.stdout.readline())
            assert event["event"] == "listening"
            assert event["url"].endswith(event["address"])
            yield Running(event["url"], process)
        finally:
            process.kill()


def join(url: str, number: int, **more: Any) -> httpx.Response:
    """Join the swarm of the tests as peer ``number``, who has a port of its own."""
    return httpx.post(f"{url}/array/join/", content=request(number, port=1000 + number, **more).encode(), timeout=20)


def ports(response: httpx.Response) -> list[int]:
    """Return the ports of the peers given."""
    return [peer.port for peer in parse_join_answer(response.content, response.headers["content-type"]).peers]


def test_every_endpoint(tmp_path: Path) -> None:
    """From a published file and the base URL, over HTTP as clients speak it, to peers, hash file, probe and metrics."""
    file = write_random(tmp_path / "file.cab", 3_000_000)
    url = "http://content.example/file.cab"
    with coordinator(tmp_path, "--publish", f"{file}={url}") as running, httpx.Client() as client:
        geo = service.parse_geo(*_got(client, f"{running.url}/geo", service.geo_query("1")))
        values = service.parse_key_values(*_got(client, geo.key_value_uri, service.key_value_query(geo, "1")))
        where = service.uri_of(values.content_policy_uri, "")
        policy = service.parse_content_policy(*_got(client, where, service.content_policy_query(url)))
        assert policy.content_urls == (url,)
        hashes = hash_file.parse(client.get(policy.hash_file_urls[0]).content, trusted=policy.hash_of_hashes)
        assert hashes.content_length == 3_000_000
        where = service.uri_of(values.discovery_uri, policy.content_id)
        found = service.parse_discovery(*_got(client, where, service.discovery_query(geo, url)))
        assert client.post(found.join_url, content=request(1).encode()).status_code == 200
        assert len(parse_join_answer(*_got(client, found.peers_url, service.swarm_query("content", ""))).peers) == 1
        assert client.post(f"{running.url}/probe", json={"port": 7680, "timeout_s": 0.2}).status_code == 200
        assert client.get(f"{running.url}/health").json() == {"status": "pass", "members": 1, "publications": 1}
        assert "doctl_coordinator_joins_total 1.0" in client.get(f"{running.url}/metrics").text


def _got(client: httpx.Client, url: str, query: dict[str, str]) -> tuple[bytes, str]:
    answer = client.get(url, params=query)
    assert answer.status_code == 200
    return answer.content, answer.headers["content-type"]


def tls(folder: Path) -> tuple[trustme.CA, tuple[object, ...]]:
    """Return an authority, and the options that make a coordinator show a certificate of it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    return authority, ("--tls-cert", certificate, "--tls-key", key)


def test_tls_and_tokens(tmp_path: Path) -> None:
    """With a certificate every step stays on https, and with a token file joining needs a token."""
    authority, identity = tls(tmp_path)
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    with (
        coordinator(tmp_path, *identity, "--token-file", tokens) as running,
        httpx.Client(verify=trusting(authority)) as client,
    ):
        assert running.url.startswith("https://")
        geo = service.parse_geo(*_got(client, f"{running.url}/geo", {}))
        assert geo.key_value_uri == f"{running.url}/all"
        body, where = request(1).encode(), f"{running.url}/array/join/"
        assert client.post(where, content=body).status_code == 401
        assert client.post(where, content=body, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ending_it(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C ends it with 130, a service manager's SIGTERM as that signal, without a traceback; the port is free."""
    with coordinator(tmp_path) as running:
        join(running.url, 1)
        running.process.send_signal(number)
        _, said = running.process.communicate(timeout=100)
        if number == signal.SIGINT:
            assert (running.process.returncode, said) == (130, "")
        else:
            assert (running.process.returncode, said) == (-signal.SIGTERM, "")
        socket.create_server(running.address).close()


def test_two_on_one_redis(tmp_path: Path) -> None:
    """Two coordinators serve one swarm: of joins at the same time none is lost or doubled, and one may die."""
    with (
        redis(tmp_path) as server,
        coordinator(tmp_path, "--store", server.url) as one,
        coordinator(tmp_path, "--store", server.url) as two,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        numbers = range(1, 31)
        answers = list(pool.map(lambda n: join((one, two)[n % 2].url, n), numbers))
        assert {answer.status_code for answer in answers} == {200}
        one.process.kill()
        assert sorted(ports(join(two.url, 31))) == [1000 + n for n in numbers]
        assert httpx.get(f"{two.url}/health").json()["members"] == 31


def test_redis_restarted(tmp_path: Path) -> None:
    """While Redis is away joins are answered 503 with a reason, and its files are still published; then joins work."""
    file = write_random(tmp_path / "file", 5000)
    url = "http://c.example/f"
    options = ("--publish", f"{file}={url}")
    with redis(tmp_path) as server, coordinator(tmp_path, "--store", server.url, *options) as running:
        assert join(running.url, 1).status_code == 200
        server.stop()
        away = join(running.url, 1)
        assert (away.status_code, away.headers["retry-after"]) == (503, "5")
        assert "Redis" in away.text
        assert httpx.get(f"{running.url}/health").status_code == 503
        policy = httpx.get(f"{running.url}/content/-/contentpolicy", params=service.content_policy_query(url))
        assert httpx.get(policy.json()["PiecesHashFileCdnUrls"][0]).status_code == 200
        server.start()
        assert join(running.url, 2).status_code == 200
        assert ports(join(running.url, 1)) == [1002]


@pytest.mark.parametrize("publishes", [True, False])
def test_starting_without_redis(tmp_path: Path, publishes: bool) -> None:
    """A coordinator starts while Redis is away, says so whether it publishes or not, and serves when it comes."""
    file = write_random(tmp_path / "file", 5000)
    with redis(tmp_path) as server:
        server.stop()
        options = ("--publish", f"{file}=http://c.example/f") if publishes else ()
        with coordinator(tmp_path, "--store", server.url, *options) as running:
            assert join(running.url, 1).status_code == 503
            server.start()
            assert join(running.url, 1).status_code == 200
            assert running.process.stderr is not None
            assert "starting without the store" in running.process.stderr.readline()


def test_heads_are_bounded(tmp_path: Path) -> None:
    """Whoever sends headers without end is cut off, and everybody else is served."""
    with coordinator(tmp_path) as running, socket.create_connection(running.address, 10) as hostile:
        with contextlib.suppress(ConnectionError):
            hostile.sendall(b"GET /geo HTTP/1.1\r\nX: ")
            for _ in range(200):
                hostile.sendall(b"x" * 65536)
            pytest.fail("13 MB of headers were taken")
        assert join(running.url, 1).status_code == 200


def test_connections_of_an_address_are_bounded(tmp_path: Path) -> None:
    """One address can hold only so many connections; another is served all the same."""
    with coordinator(tmp_path) as running, contextlib.ExitStack() as stack:
        held = [
            stack.enter_context(socket.create_connection(running.address, 10))
            for _ in range(http_server.MOST_OF_ADDRESS + 20)
        ]
        elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=elsewhere) as client:
            assert client.get(f"{running.url}/geo").json()["ExternalIpAddress"] == "127.0.0.2"
        assert sum(_is_closed(each) for each in held) >= 20


def test_connections_are_counted_before_tls(tmp_path: Path) -> None:
    """Who only connects to a service with TLS, and never shakes hands, can hold no more connections than others."""
    _, identity = tls(tmp_path)
    with coordinator(tmp_path, *identity) as running, contextlib.ExitStack() as stack:
        held = [
            stack.enter_context(socket.create_connection(running.address, 10))
            for _ in range(http_server.MOST_OF_ADDRESS + 20)
        ]
        until(lambda: sum(_is_closed(each) for each in held) >= 20)


def test_out_of_descriptors(tmp_path: Path) -> None:
    """Where strangers take all the descriptors there are, nothing is said, and once they are gone all is well again."""
    with coordinator(tmp_path) as running:
        taken = len(list(Path(f"/proc/{running.process.pid}/fd").iterdir()))
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (taken + 10, taken + 10))
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(socket.create_connection(running.address, 10))
            until(lambda: len(list(Path(f"/proc/{running.process.pid}/fd").iterdir())) == taken + 10)
        assert httpx.get(f"{running.url}/health", timeout=60).status_code == 200
        running.process.send_signal(signal.SIGINT)
        assert running.process.communicate(timeout=100)[1] == ""


def _is_closed(sock: socket.socket) -> bool:
    sock.settimeout(0.001)
    try:
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_silent_connections_are_closed(tmp_path: Path) -> None:
    """Who connects and says nothing, or never comes to the end of a line, does not stay."""
    with (
        coordinator(tmp_path) as running,
        socket.create_connection(running.address) as silent,
        socket.create_connection(running.address) as slow,
    ):
        start = time.monotonic()
        slow.sendall(b"GET /ge")
        for each in (silent, slow):
            each.settimeout(http_server.PATIENCE * 3)
            with contextlib.suppress(ConnectionError):
                assert each.recv(1) == b""
        assert time.monotonic() - start < http_server.PATIENCE * 2


def test_refusals_are_said_once(tmp_path: Path) -> None:
    """A client that goes on being refused is one line in the log, with nothing in it that a terminal would obey."""
    with coordinator(tmp_path) as running:
        for _ in range(20):
            httpx.post(f"{running.url}/array/join/", content=b'{"ContentId":"\x1b[2J"}')
            with socket.create_connection(running.address, 10) as stranger:
                stranger.sendall(b"\x16\x03\x01 is no HTTP\r\n\r\n")
                assert stranger.recv(12) == b"HTTP/1.1 400"
        running.process.send_signal(signal.SIGINT)
        _, said = running.process.communicate(timeout=100)
        assert said.count("refused 127.0.0.1") == said.count("\n") == 1
        assert "\x1b" not in said


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--listen", "nowhere"), 2, "HOST:PORT"),
        (("--listen", "192.0.2.1:0"), 1, "cannot listen on 192.0.2.1:0"),
        (("--store", "mysql://x"), 2, "neither memory nor a redis:// URL"),
        (("--tls-cert", "x.pem"), 2, "go together"),
        (("--tls-cert", "x.pem", "--tls-key", "x.pem"), 2, "is no certificate"),
        (("--publish", "x"), 2, "FILE=URL"),
        (("--publish", "nothing=http://c.example/"), 2, "no such file"),
        (("--token-file", "nothing"), 2, "nothing cannot be read: No such file"),
    ],
)
def test_wrong_use(options: tuple[str, ...], code: int, says: str) -> None:
    """What cannot work is one line before anything is served."""
    done = doctl("coordinator", *(("--listen", "127.0.0.1:0") if "--listen" not in options else ()), *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use() -> None:
    """A port that somebody else has is one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = doctl("coordinator", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_without_the_extra(tmp_path: Path) -> None:
    """Where the optional part is not installed, one line names it."""
    for name in ("starlette", "uvicorn"):
        (tmp_path / f"{name}.py").write_text("raise ImportError\n")
    done = subprocess.run(
        [*DOCTL, "coordinator", "--listen", "127.0.0.1:0"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "doctl-toolkit[coordinator]" in done.stderr
