"""A file from a real nginx: ranges, changes, redirects, TLS, a real proxy on the way."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctl.errors import ContentError, OriginError
from tests.servers.nginx import Nginx, nginx
from tests.servers.squid import Squid, squid
from tests.sources.fetching import PIECE, Fetch, digest

DIRECTIVES = """
    location /old/ { rewrite ^/old/(.*)$ /files/$1 redirect; }
    location /files/ { alias %(folder)s/; }
    location /loop { return 302 /loop; }
    location /closed/ { return 403; }
    location /plain/ { alias %(folder)s/; max_ranges 0; }
    location /slow/ { alias %(folder)s/; limit_rate 600k; }
"""
DATA = random.Random(8).randbytes(300 * PIECE + 99)
WHOLE = digest(DATA)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Nginx]:
    """Run nginx with a file of some megabytes."""
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "file.bin").write_bytes(DATA)
    os.utime(folder / "file.bin", (1_700_000_000, 1_700_000_000))  # long enough ago for its date to be a validator
    with nginx(folder, tmp_path / "nginx", DIRECTIVES % {"folder": folder}) as running:
        yield running


@pytest.fixture(scope="module")
def proxy() -> Iterator[Squid]:
    """Run squid, once, since it takes its time to end."""
    with squid() as running:
        yield running


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """Give a download to a fresh place."""
    return Fetch(tmp_path / "file.bin")


def test_nginx_gives_its_ranges(server: Nginx, fetch: Fetch) -> None:
    """The file is right, and all but the question for the first byte are 206 answers over few connections."""
    assert fetch(server.url("file.bin")) == WHOLE
    assert {line.split('"')[2].split()[0] for line in server.requests()} == {"206"}
    assert fetch.ledger.wasted == 0


def test_nginx_without_ranges_gives_one_stream(server: Nginx, fetch: Fetch) -> None:
    """With ``max_ranges 0`` everything comes with the second request."""
    assert fetch(server.url("plain/file.bin")) == WHOLE
    assert [line.split('"')[2].split()[0] for line in server.requests()] == ["200", "200"]


def test_nginx_has_an_empty_file(server: Nginx, fetch: Fetch, tmp_path: Path) -> None:
    """A file of no bytes arrives as one."""
    (tmp_path / "www" / "empty").touch()
    assert fetch(server.url("empty")) == digest(b"")


def test_a_file_replaced_under_nginx_is_noticed(server: Nginx, tmp_path: Path) -> None:
    """nginx answers If-Range with the new file; nothing of that is used."""
    file, newer = tmp_path / "www" / "file.bin", tmp_path / "newer"
    newer.write_bytes(DATA[::-1])
    os.utime(newer, (1, 1))
    fetch = Fetch(tmp_path / "file.bin", parallel=1, run=4)

    def replace(piece: int) -> None:
        if newer.exists():
            newer.replace(file)

    fetch.on_verified = replace
    with pytest.raises(ContentError, match="changed on the server"):
        fetch(server.url("slow/file.bin"))


def test_nginx_redirects(server: Nginx, fetch: Fetch) -> None:
    """A redirect is followed once, and the parts come from where it led; refusals are told as what they are."""
    assert fetch(server.url("old/file.bin")) == WHOLE
    assert sum("/old/" in line for line in server.requests()) == 1
    fetch.path.unlink()
    with pytest.raises(OriginError, match="has no such file"):
        fetch(server.url("old/none"))
    with pytest.raises(OriginError, match="refuses to give the file"):
        fetch(server.url("closed/file.bin"))
    with pytest.raises(OriginError, match="round in a circle"):
        fetch(server.url("loop"))


def test_through_a_real_proxy(server: Nginx, fetch: Fetch, proxy: Squid) -> None:
    """squid passes the ranges on, and everything goes through it."""
    before = len(proxy.requests())
    assert fetch(server.url("file.bin"), proxy=proxy.url) == WHOLE
    assert len(proxy.requests()) - before == len(server.requests()) > 1


def test_through_a_proxy_that_hides_the_tag(server: Nginx, fetch: Fetch) -> None:
    """Where the proxy strips ETag, the date is what If-Range carries."""
    with squid("reply_header_access ETag deny all\n") as hiding:
        assert fetch(server.url("file.bin"), proxy=hiding.url) == WHOLE
    assert all(line.endswith('"Tue, 14 Nov 2023 22:13:20 GMT"') for line in server.requests()[1:])


SCRIPT = """
import asyncio, sys
from pathlib import Path
from tests.sources.fetching import Fetch
print(Fetch(Path(sys.argv[2]))(sys.argv[1], proxy=sys.argv[3] or None))
"""


@pytest.mark.parametrize("through", [False, True])
def test_by_tls_with_an_authority_from_the_environment(
    server: Nginx, tmp_path: Path, proxy: Squid, through: bool
) -> None:
    """SSL_CERT_FILE decides who is trusted, directly and through a proxy's tunnel; without it nobody vouches."""
    server.authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def run(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", SCRIPT, server.tls_url("file.bin"), str(tmp_path / "file.bin")]
        command.append(proxy.url if through else "")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT")}
        return subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=60, check=False)

    trusted, not_trusted = run({"SSL_CERT_FILE": str(tmp_path / "ca.pem")}), run({})
    assert trusted.stdout.strip() == WHOLE
    assert "TlsError" in not_trusted.stderr
    assert "its certificate is not trusted" in not_trusted.stderr
