"""Transfers of the real command give way: on a real bottleneck, and in what ``-v`` says."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import namespaces, need
from tests.integration.commands import DOCTL, doctl, serving, write_random
from tests.integration.swarms import NGINX

Source = Callable[[Path, namespaces.Host], contextlib.AbstractContextManager[list[str]]]

FLOW = (sys.executable, "-m", "tests.servers.flow")
MBIT = 20
SECONDS = 6.0


def hash_file_of(path: Path) -> Path:
    """Make the hash file of ``path`` and return where it is."""
    assert doctl("phf", "create", path, "-q").returncode == 0
    return path.with_name(f"{path.name}.phf")


def test_an_upload_leaves_a_bottleneck_to_tcp(tmp_path: Path) -> None:
    """While ``doctl serve`` gives a file to a peer, plain TCP on the same link has at least 90 % of it."""
    need.program("tc")
    shared = write_random(tmp_path / "shared.cab", 64 << 20)
    phf = hash_file_of(shared)
    with namespaces.lan("giver", "taker", ipv6=False) as (giver, taker):
        namespaces.throttle(taker, MBIT, 200)
        sink = taker.start(*FLOW, "sink", taker.ipv4, "9000")
        assert sink.stdout is not None
        sink.stdout.readline()
        with serving(shared, prefix=tuple(giver.inside()), listen=f"{giver.ipv4}:7680") as seed:
            taking = taker.start(
                *DOCTL, "fetch", "http://127.0.0.1:9/", "-o", str(tmp_path / "got.cab"), "--phf", str(phf),
                "--hash-of-hashes", seed.hash_of_hashes, "--peer", seed.address, "--listen", f"{taker.ipv4}:0",
            )  # fmt: skip
            assert taking.stderr is not None
            while "giving verified pieces" not in (line := taking.stderr.readline()):
                assert line, "the fetch ended"
            foreground = json.loads(giver.run(*FLOW, "plain", taker.ipv4, "9000", str(SECONDS)).stdout)
            assert taking.poll() is None, "the upload ended before the measurement did"
    assert foreground["rate"] >= 0.9 * 0.95 * MBIT * 1e6


@contextlib.contextmanager
def from_origin(folder: Path, giver: namespaces.Host) -> Iterator[list[str]]:
    """Let nginx have a file; yield what tells a fetch of it."""
    (folder / "www").mkdir()
    write_random(folder / "www" / "shared.cab", 64 << 20)
    (folder / "conf").write_text(NGINX.format(home=folder))
    giver.start(need.program("nginx"), "-e", str(folder / "log"), "-c", str(folder / "conf"))
    yield [f"http://{giver.ipv4}/shared.cab"]


@contextlib.contextmanager
def from_greedy_peer(folder: Path, giver: namespaces.Host) -> Iterator[list[str]]:
    """Let a seed have a file that gives way to nobody; yield what tells a fetch of it."""
    phf = hash_file_of(write_random(folder / "shared.cab", 64 << 20))
    seed = giver.start(
        sys.executable, "-m", "tests.servers.greedy_seed", str(folder / "shared.cab"), giver.ipv4, "7680"
    )
    assert seed.stdout is not None
    trusted = seed.stdout.readline().strip()
    yield ["http://127.0.0.1:9/", "--phf", str(phf), "--hash-of-hashes", trusted, "--peer", f"{giver.ipv4}:7680"]


@pytest.mark.parametrize(
    ("source", "means"), [(from_origin, "by the receive window"), (from_greedy_peer, "by asking for less")]
)
def test_a_background_download_leaves_a_bottleneck_to_tcp(source: Source, means: str, tmp_path: Path) -> None:
    """Whoever sends without regard, beside ``fetch --background`` plain TCP has at least 90 % of the link."""
    need.program("tc")
    with namespaces.lan("giver", "taker", ipv6=False) as (giver, taker), source(tmp_path, giver) as what:
        namespaces.throttle(taker, MBIT, 200)
        sink = taker.start(*FLOW, "sink", taker.ipv4, "9000")
        assert sink.stdout is not None
        sink.stdout.readline()
        taking = taker.start(
            *DOCTL, "fetch", *what, "-o", str(tmp_path / "got.cab"), "--background", "-v",
            "--listen", f"{taker.ipv4}:0",
        )  # fmt: skip
        assert taking.stderr is not None
        while "downloads give way" not in (line := taking.stderr.readline()):
            assert line, "the fetch ended"
        assert means in line
        foreground = json.loads(giver.run(*FLOW, "plain", taker.ipv4, "9000", "4").stdout)
        assert taking.poll() is None, "the download ended before the measurement did"
    assert foreground["rate"] >= 0.9 * 0.95 * MBIT * 1e6


def test_verbose_says_by_what_uploads_give_way(tmp_path: Path) -> None:
    """``fetch -v`` names the means of this system, once however many peers there are; without -v it is silent of it."""
    shared = write_random(tmp_path / "shared.cab", 3 << 20)
    phf = hash_file_of(shared)
    with serving(shared) as one, serving(shared) as other:
        for options, times in ((["-v"], 1), ([], 0)):
            done = doctl(
                "fetch", "http://127.0.0.1:9/", "-o", tmp_path / f"got{times}.cab", "--phf", phf,
                "--hash-of-hashes", one.hash_of_hashes, "--peer", one.address, "--peer", other.address,
                "--listen", "127.0.0.1:0", *options,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert done.stderr.count("uploads give way to everything else: ") == times


def test_a_seed_says_so_too(tmp_path: Path) -> None:
    """``serve -v`` names the means when the first peer comes."""
    shared = write_random(tmp_path / "shared.cab", 3 << 20)
    command = [*DOCTL, "serve", str(shared), "--listen", "127.0.0.1:0", "--format", "json", "-v"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as seed:
        assert seed.stdout is not None
        assert seed.stderr is not None
        ready = json.loads(seed.stdout.readline())
        done = doctl(
            "fetch", "http://127.0.0.1:9/", "-o", tmp_path / "got.cab", "--phf", hash_file_of(shared),
            "--hash-of-hashes", ready["hash_of_hashes"][0], "--peer", ready["address"], "--listen", "127.0.0.1:0",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert seed.stderr.readline().startswith("uploads give way to everything else: ")
        seed.terminate()
