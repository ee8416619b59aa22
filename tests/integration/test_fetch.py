"""``doctl fetch`` and ``doctl serve`` as whole programs: a real nginx, real peers, 1 GiB, and peers that misbehave."""

import base64
import contextlib
import hashlib
import json
import mmap
import random
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from doctl.jobs.phf import beside
from doctl.transfer.content import PIECE_SIZE
from doctl.transfer.hashing import describe
from doctl.transfer.store import MAP_SUFFIX
from doctl.wire.hash_file import encode, to_json
from tests import need, toolbox
from tests.integration.commands import DOCTL, Seed, fetched, serving, write_random
from tests.page_cache import pages_kept
from tests.servers import bad_peer
from tests.servers.exchange import Reply, Request
from tests.servers.nginx import Nginx, nginx
from tests.servers.origin import Behaviour, File, Origin, cut, proper
from tests.waiting import until

GIB = 1 << 30

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Example:
    """A file of 1 GiB with its hash file beside it, and what it must hash to."""

    path: Path
    sha256: str
    hash_of_hashes: str

    @property
    def phf(self) -> Path:
        """The hash file."""
        return beside(self.path)


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """Make 1 GiB of random bytes."""
    path = write_random(tmp_path_factory.mktemp("example") / "example.cab", GIB)
    described = describe(path, PIECE_SIZE)
    beside(path).write_bytes(to_json(described))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Example(path, digest, encode(described.hash_of_hashes))


@pytest.fixture(scope="module")
def web(example: Example, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """Serve the example by a real nginx."""
    with nginx(example.path.parent, tmp_path_factory.mktemp("nginx")) as server:
        yield server


@pytest.fixture(scope="module")
def slow_web(example: Example, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """Serve the example so slowly that peers are faster, however busy the machine is."""
    with nginx(example.path.parent, tmp_path_factory.mktemp("nginx"), "limit_rate 4m;") as server:
        yield server


@pytest.fixture(scope="module")
def seeds(example: Example) -> Iterator[list[Seed]]:
    """Run two peers that have the example."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(serving(example.path, "--phf", example.phf)) for _ in range(2)]


def peers(*seeds: Seed) -> list[str]:
    """Return the options that name ``seeds`` as peers."""
    return [word for seed in seeds for word in ("--peer", seed.address)]


def whole(result: dict[str, Any], path: Path, example: Example) -> bool:
    """Whether ``path`` is exactly the example and the result says so."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert result["error"] is None
    assert not list(path.parent.glob("*.doctl-*"))
    return bool(digest == result["sha256"] == example.sha256) and result["hash_of_hashes"] == example.hash_of_hashes


def test_most_of_a_gibibyte_comes_from_two_peers(
    example: Example, slow_web: Nginx, seeds: list[Seed], tmp_path: Path
) -> None:
    """From nginx and two peers at once the file is whole and right, and peers gave most of it."""
    trusted = ("--hash-of-hashes", example.hash_of_hashes)
    result = fetched(slow_web.url(example.path.name), *trusted, *peers(*seeds), "-o", tmp_path / "got")
    assert whole(result, tmp_path / "got", example)
    assert result["bytes_from"]["lan"] > GIB / 2
    assert sum(result["bytes_from"].values()) == GIB
    assert result["peer_efficiency"] > 0.5
    assert {peer["address"] for peer in result["peers"]} == {seed.address for seed in seeds}


def gone_after(count: int) -> Behaviour:
    """Behave properly until ``count`` bytes have been sent, then break every connection off."""
    left = [count]

    def behave(request: Request, file: File) -> Reply:
        first, last = request.range or (0, len(file.data) - 1)
        allowed, left[0] = left[0], max(0, left[0] - (last - first + 1))
        return proper(request, file) if allowed > last - first else cut(allowed)(request, file)

    return behave


def test_the_origin_vanishes_after_the_first_mebibyte(example: Example, seeds: list[Seed], tmp_path: Path) -> None:
    """An origin that is gone in the middle is no failure while peers have everything."""
    with (
        example.path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        Origin(data, gone_after(1 << 20)) as server,  # type: ignore[arg-type]  # as good as bytes, and not in memory
    ):
        named = ("--phf", example.phf, "--hash-of-hashes", example.hash_of_hashes)
        result = fetched(server.url, *named, *peers(*seeds), "-o", tmp_path / "got")
    assert whole(result, tmp_path / "got", example)
    assert result["bytes_from"]["http"] <= 1 << 20


def test_no_origin_at_all(example: Example, seeds: list[Seed], tmp_path: Path) -> None:
    """With a hash file and peers that have everything no origin is needed."""
    named = ("--phf", example.phf, "--hash-of-hashes", example.hash_of_hashes)
    result = fetched("http://127.0.0.1:9/gone.cab", *named, *peers(*seeds), "-o", tmp_path / "got")
    assert whole(result, tmp_path / "got", example)
    assert result["bytes_from"]["http"] == 0


@pytest.mark.parametrize(
    ("behaviour", "bad_pieces", "banned"),
    [
        (bad_peer.stalls, False, False),
        (bad_peer.lies, True, True),
        (bad_peer.talks_nonsense, False, False),
        (bad_peer.has_another_swarm, False, False),
        (bad_peer.breaks_off, False, False),
    ],
)
def test_a_bad_peer_among_good_ones(
    behaviour: bad_peer.Behaviour,
    bad_pieces: bool,
    banned: bool,
    example: Example,
    web: Nginx,
    seeds: list[Seed],
    tmp_path: Path,
) -> None:
    """A peer that stalls, lies, talks nonsense, is in another swarm or breaks off harms nothing and gives nothing."""
    swarm = base64.b64decode(example.hash_of_hashes)
    with bad_peer.bad_peer(behaviour, swarm, GIB // PIECE_SIZE) as address:
        trusted = ("--hash-of-hashes", example.hash_of_hashes, "--peer", address)
        result = fetched(web.url(example.path.name), *trusted, *peers(*seeds), "-o", tmp_path / "got")
    assert whole(result, tmp_path / "got", example)
    for peer in result["peers"]:
        if peer["address"] == address:
            assert peer["bytes_received"] == 0
            assert (peer["bad_pieces"] >= 3, peer["banned"]) == (bad_pieces, banned)
    if bad_pieces:
        assert result["bytes_wasted"] >= 3 * PIECE_SIZE


def test_a_peer_is_killed_in_the_middle(example: Example, web: Nginx, seeds: list[Seed], tmp_path: Path) -> None:
    """What a killed peer had promised comes from the others."""
    with serving(example.path, "--phf", example.phf, "--max-up", "50MB") as mortal:
        trusted = ("--hash-of-hashes", example.hash_of_hashes, "--max-down", "200MB")
        command = [web.url(example.path.name), *trusted, *peers(mortal, *seeds), "-o", tmp_path / "got"]
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(fetched, *command)
            until_noted(tmp_path / "got", 300)
            mortal.process.kill()
            result = running.result()
    assert whole(result, tmp_path / "got", example)
    gave = {peer["address"]: peer["bytes_received"] for peer in result["peers"]}
    assert 0 < gave[mortal.address] < GIB / 4


def until_noted(path: Path, count: int) -> None:
    """Wait until ``count`` pieces of ``path`` are verified."""
    until(lambda: len(noted(path)) >= count, what=f"{count} pieces")


def noted(path: Path) -> set[int]:
    """Return the pieces that the journal beside ``path`` notes as verified."""
    journal = path.with_name(path.name + MAP_SUFFIX)
    lines = journal.read_bytes().split(b"\n")[1:-1] if journal.exists() else []
    return {int(line.split()[0]) for line in lines}


def test_twenty_times_killed(example: Example, web: Nginx, seeds: list[Seed], tmp_path: Path) -> None:
    """After kill -9 at twenty random points nothing verified is fetched again, and the file is right."""
    path = tmp_path / "got"
    trusted = ("--hash-of-hashes", example.hash_of_hashes, "--max-down", "60MB")
    arguments = ["fetch", web.url(example.path.name), *trusted, *peers(*seeds), "-o", path, "-q"]
    arguments += ["--listen", "127.0.0.1:0"]
    before: set[int] = set()
    for _ in range(20):
        with subprocess.Popen([*DOCTL, *map(str, arguments)], stdin=subprocess.DEVNULL) as process:
            until_noted(path, len(before) + random.randint(1, 40))
            process.kill()
        assert not path.exists()
        assert before <= noted(path)
        before = noted(path)
    result = fetched(web.url(example.path.name), *trusted[:2], *peers(*seeds), "-o", path)
    assert whole(result, path, example)
    assert 0 < result["resumed_bytes"] == len(before) * PIECE_SIZE
    assert sum(result["bytes_from"].values()) == GIB - result["resumed_bytes"]


def test_a_large_file_leaves_the_page_cache_alone(example: Example, seeds: list[Seed], tmp_path: Path) -> None:
    """What nobody reads soon goes straight to the disk, and does not push out what others have in memory."""
    path = tmp_path / "got"
    named = ["--phf", example.phf, "--hash-of-hashes", example.hash_of_hashes, "--listen", "127.0.0.1:0"]
    command = ["fetch", "http://127.0.0.1:9/gone.cab", *named, *peers(*seeds), "-o", path, "-q"]
    subprocess.run([*DOCTL, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
    assert sum(pages_kept(path)) == 0
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == example.sha256


def test_named_peers_give_from_the_first_piece_on(example: Example, seeds: list[Seed], tmp_path: Path) -> None:
    """Where peers are named and none are found, pieces come from the front, so that the digest keeps up with them."""
    named = ("--phf", example.phf, "--hash-of-hashes", example.hash_of_hashes, "--max-down", "20MB")
    arguments = ["fetch", "http://127.0.0.1:9/gone.cab", *named, *peers(*seeds), "-o", tmp_path / "got", "-q"]
    command = [*DOCTL, *map(str, arguments), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        until_noted(tmp_path / "got", 20)
        process.kill()
    found = noted(tmp_path / "got")
    assert set(range(10)) <= found < set(range(128))


def test_interrupted_and_run_again(example: Example, web: Nginx, tmp_path: Path) -> None:
    """Ctrl-C ends with 130 and one line that says how to go on; the same command then resumes."""
    path = tmp_path / "got"
    command = ["fetch", web.url(example.path.name), "-o", path, "--max-down", "100MB"]
    with subprocess.Popen(
        [*DOCTL, *map(str, command), "--format", "json", "-q"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        until_noted(path, 10)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert err == "doctl: interrupted: what is verified is kept; run the same command again to go on\n"
    assert json.loads(out)["status"] == "fail"
    assert not path.exists()
    kept = len(noted(path))
    result = fetched(*command[1:4])
    assert result["sha256"] == example.sha256
    assert result["resumed_bytes"] == kept * PIECE_SIZE


def test_an_interrupted_stream_is_not_said_to_be_kept(tmp_path: Path) -> None:
    """Of a file whose length nobody tells nothing stays, and the line that Ctrl-C leaves says nothing else."""
    begun = threading.Event()

    def endless(_request: Request, _file: File) -> Reply:
        def blocks() -> Iterator[bytes]:
            while True:
                yield b"10000\r\n%b\r\n" % bytes(0x10000)
                begun.set()

        return Reply(200, {"Transfer-Encoding": "chunked"}, blocks())

    with Origin(b"", endless) as server:
        command = [*DOCTL, "fetch", server.url, "-o", str(tmp_path / "got"), "-q", "--max-down", "1MB"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8") as process:
            assert begun.wait(100)
            until(lambda: any(tmp_path.iterdir()))
            process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=100)[1]
    assert (process.returncode, err) == (130, "doctl: interrupted: run the same command again\n")
    assert not any(tmp_path.iterdir())


def half_until(others: threading.Event, half: int) -> Behaviour:
    """Give ``half`` of the bytes, whichever are asked for, and the rest only when ``others`` have something."""
    given = 0

    def behave(request: Request, file: File) -> Reply:
        nonlocal given
        if given >= half:
            others.wait(100)
        if request.range is not None:
            given += request.range[1] - request.range[0] + 1
        return proper(request, file)

    return behave


def test_a_peer_gives_while_it_fetches(tmp_path: Path) -> None:
    """What a machine has verified it gives at once, and then the rest, to a second one that has no origin."""
    small = write_random(tmp_path / "small.cab", (48 << 20) + 1234)
    beside(small).write_bytes(to_json(describe(small, PIECE_SIZE)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        first = f"127.0.0.1:{free.getsockname()[1]}"
    named = ("--phf", beside(small), "--hash-of-hashes", encode(describe(small, PIECE_SIZE).hash_of_hashes))
    gives = threading.Event()
    with Origin(small.read_bytes(), half_until(gives, 24 << 20)) as server, ThreadPoolExecutor(1) as pool:
        command = ["fetch", server.url, *named, "--listen", first, "--seed-for", "10m", "-o", tmp_path / "one"]
        with subprocess.Popen(
            [*DOCTL, *map(str, command), "--format", "json", "-q"], stdout=subprocess.PIPE, encoding="utf-8"
        ) as process:
            until_noted(tmp_path / "one", 1)
            running = pool.submit(fetched, "http://127.0.0.1:9/g", *named, "--peer", first, "-o", tmp_path / "two")
            until_noted(tmp_path / "two", 1)
            gives.set()
            two = running.result()
            until((tmp_path / "one").exists)
            process.send_signal(signal.SIGINT)
            one = json.loads(process.communicate()[0])
    assert one["error"] == f"interrupted while giving pieces to peers; {tmp_path / 'one'} is whole"
    assert two["error"] is None
    assert (tmp_path / "two").read_bytes() == small.read_bytes()
    assert two["bytes_from"]["lan"] == small.stat().st_size == sum(peer["bytes_sent"] for peer in one["peers"])


@contextlib.contextmanager
def capturing(command: list[str | Path]) -> Iterator[None]:
    """Run tcpdump, from when it listens to when all it saw is written."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as sniffer:
        try:
            assert sniffer.stderr is not None
            assert any("listening on" in line for line in sniffer.stderr)
            yield
            sniffer.send_signal(signal.SIGINT)
            sniffer.wait(30)
        finally:
            sniffer.kill()


def test_wireshark_finds_nothing_malformed(tmp_path: Path) -> None:
    """Wireshark's own dissector reads a captured transfer whole, with nothing malformed or unknown."""
    need.root()
    small = write_random(tmp_path / "small.cab", (8 << 20) + 1234)
    described = describe(small, PIECE_SIZE)
    beside(small).write_bytes(to_json(described))
    capture = tmp_path / "transfer.pcap"
    toolbox.tshark_root()
    with serving(small) as seed:
        port = seed.address.rpartition(":")[2]
        command: list[str | Path] = [
            need.program("tcpdump"),
            "-i",
            "lo",
            "-U",
            "--immediate-mode",
            "-B",
            "65536",
            "-w",
            capture,
            "port",
            port,
        ]
        with capturing(command):
            named = ("--phf", beside(small), "--hash-of-hashes", seed.hash_of_hashes, "--peer", seed.address)
            result = fetched("http://127.0.0.1:9/gone.cab", *named, "-o", tmp_path / "got")
    assert result["status"] == "pass"
    judged = toolbox.decode(capture, "--port", port)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    for message in ("2 Handshake", "2 BitField", "1 Unchoke", "1 Interested", "9 Request", "9 Piece"):
        assert message in judged.stdout, judged.stdout
