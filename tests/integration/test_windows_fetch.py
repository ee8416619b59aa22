"""``doctl fetch`` and ``doctl serve`` on Windows' own CPython and its Proactor loop, under Wine."""

import contextlib
import hashlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from doctl.jobs.phf import beside
from doctl.transfer.content import PIECE_SIZE
from doctl.transfer.hashing import describe
from doctl.wire.hash_file import encode, to_json
from tests.integration.commands import fetched, serving, write_random
from tests.integration.conftest import Run
from tests.servers.nginx import nginx

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run sets Wine up


def wrong_pieces(got: Path, expected: Path) -> list[int]:
    """Return which pieces of a file differ from what they should be."""
    one, other = got.read_bytes(), expected.read_bytes()
    assert len(one) == len(other)
    starts = range(0, len(one), PIECE_SIZE)
    return [
        start // PIECE_SIZE for start in starts if one[start : start + PIECE_SIZE] != other[start : start + PIECE_SIZE]
    ]


def test_a_file_from_nginx_and_a_peer(windows: Run, tmp_path: Path) -> None:
    """Windows' Python fetches from a real nginx and a doctl peer at once: whole, right, and some from each."""
    path = write_random(tmp_path / "update.cab", (64 << 20) + 123)
    described = describe(path, PIECE_SIZE)
    beside(path).write_bytes(to_json(described))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with nginx(tmp_path, tmp_path / "nginx", "limit_rate 4m;") as server, serving(path, "--max-up", "30MB") as seed:
        done = windows(
            "fetch", server.url("update.cab"), "-o", tmp_path / "got",
            "--hash-of-hashes", encode(described.hash_of_hashes),
            "--peer", seed.address, "--listen", "127.0.0.1:0", "--format", "json",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert wrong_pieces(tmp_path / "got", path) == [], result
    assert result["sha256"] == digest
    assert result["bytes_from"]["lan"] > 0
    assert result["bytes_from"]["http"] > 0
    assert not list(tmp_path.glob("*.doctl-*"))


def test_a_peer_on_windows_gives_pieces(windows: Run, tmp_path: Path) -> None:
    """What Windows' Python serves, by TransmitFile, arrives whole and right."""
    path = write_random(tmp_path / "update.cab", (32 << 20) + 123)
    described = describe(path, PIECE_SIZE)
    beside(path).write_bytes(to_json(described))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with ThreadPoolExecutor(1) as pool:
        serving_there = pool.submit(windows, "serve", path, "--listen", address, "--for", "10s")
        named = ("--phf", beside(path), "--hash-of-hashes", encode(described.hash_of_hashes), "--peer", address)
        result = fetched("http://127.0.0.1:9/gone.cab", *named, "-o", tmp_path / "got")
        assert serving_there.result().returncode == 0, serving_there.result().stderr
    assert result["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert result["bytes_from"]["lan"] == path.stat().st_size


def test_giving_way_where_the_system_refuses_to(windows: Run, tmp_path: Path) -> None:
    """Wine knows no SIO_PRIORITY_HINT: what comes from another machine and what goes there keeps a fixed rate, and
    ``-v`` says so; all of it arrives.
    """
    fixed = "give way to everything else: a fixed 1,000 KB/s, since this system offers nothing better"
    path = write_random(tmp_path / "update.cab", (1 << 20) + 123)
    described = describe(path, PIECE_SIZE)
    beside(path).write_bytes(to_json(described))
    elsewhere, seed = (f"127.0.0.2:{port}" for port in free_ports(2))
    with nginx(tmp_path, tmp_path / "nginx", f"listen {elsewhere};"):
        done = windows("fetch", f"http://{elsewhere}/update.cab", "-o", tmp_path / "one", "--background", "-v")
    assert f"downloads {fixed}" in done.stderr
    assert wrong_pieces(tmp_path / "one", path) == []
    with ThreadPoolExecutor(1) as pool:
        serving_there = pool.submit(windows, "serve", path, "--listen", seed, "--for", "8s", "-v")
        named = ("--phf", beside(path), "--hash-of-hashes", encode(described.hash_of_hashes), "--peer", seed)
        fetched("http://127.0.0.1:9/gone.cab", *named, "--listen", "127.0.0.1:0", "-o", tmp_path / "other")
        assert f"uploads {fixed}" in serving_there.result().stderr
    assert wrong_pieces(tmp_path / "other", path) == []


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on just now."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.2", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in servers]
