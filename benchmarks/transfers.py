"""Fetching 1 GiB on loopback: from peers beside libtorrent, over HTTP beside curl, openssl and aria2."""

import contextlib
import hashlib
import json
import mmap
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Command, Run, in_turn, run, running
from benchmarks.rows import Aim, Row, at_least
from tests.servers.nginx import nginx

GIB = 1 << 30
PYTHON = (sys.executable, "-W", "ignore")
DOCTL = (*PYTHON, "-m", "doctl")
LIMIT = (*PYTHON, str(Path(__file__).with_name("limit.py")))
RIVAL = (*PYTHON, str(Path(__file__).with_name("rival_libtorrent.py")))

RIVALS = {"libtorrent, SHA-1": "v1", "libtorrent, SHA-256": "v2"}
"""By what libtorrent checks pieces: as it is fastest, and as doctl does."""


def make_content(home: Path, length: int = GIB) -> None:
    """Put ``content`` of random bytes into ``home``, unless it is there, with its hash file."""
    if (home / "content").exists():
        return
    with (home / "content").open("wb") as file, Path("/dev/urandom").open("rb") as source:
        while left := length - file.tell():
            file.write(source.read(min(left, 8 << 20)))
    run((*DOCTL, "phf", "create", "content", "-q"), home)


def serve(what: str = "content", listen: str = "127.0.0.1") -> tuple[str, ...]:
    """Return the command that shares a file and says on its first line where."""
    return (*DOCTL, "serve", what, "-q", "--listen", f"{listen}:0", "--format", "json")


def from_peers(home: Path, rounds: int) -> Iterator[Row]:
    """Fetch from one peer and from four."""
    make_content(home)
    for version in RIVALS.values():
        run((*RIVAL, "make", home / "content", f"{version}.torrent", version), home)
    for seeds in (1, 4):
        yield from _from_peers(home, seeds, rounds)


def _from_peers(home: Path, seeds: int, rounds: int) -> Iterator[Row]:
    """Fetch from ``seeds`` peers, every piece verified: doctl, libtorrent, and sockets without a protocol in turn."""
    with contextlib.ExitStack() as stack:
        ours = [json.loads(stack.enter_context(running(serve(), home))[0]) for _ in range(seeds)]
        theirs = {who: _rival(stack, home, version, seeds) for who, version in RIVALS.items()}
        port = stack.enter_context(running((*LIMIT, "serve", "content"), home))[0]
        peers = [word for seed in ours for word in ("--peer", seed["address"])]
        contenders: dict[str, Command] = {
            "doctl": (*DOCTL, "fetch", "http://127.0.0.1:9/", "-q", "-o", "got/content", "--phf", "content.phf",
                      "--hash-of-hashes", ours[0]["hash_of_hashes"][0], "--listen", "127.0.0.1:0", *peers),
            **theirs,
            "plain sockets": (*LIMIT, "fetch", port, str(GIB), "got/content"),
        }  # fmt: skip
        runs = in_turn(contenders, home, rounds, lambda: clear(home))
    job = f"fetch 1 GiB from {seeds} peer{'s' if seeds > 1 else ''}, every piece checked"
    for rival in RIVALS:
        yield _row(job, runs["doctl"], rival, runs[rival], at_least(3))
    yield _row(job, runs["doctl"], "plain sockets, no protocol", runs["plain sockets"], at_least(0.5))


def _rival(stack: contextlib.ExitStack, home: Path, version: str, seeds: int) -> Command:
    """Start libtorrent's seeds, and return the command that fetches from them."""
    command = (*RIVAL, "seed", home / "content", f"{version}.torrent")
    ports = [stack.enter_context(running(command, home))[0] for _ in range(seeds)]
    return (*RIVAL, "fetch", f"{version}.torrent", "got", *ports)


def over_http(home: Path, rounds: int) -> Iterator[Row]:
    """Fetch from nginx, checked by SHA-256: doctl, curl with openssl, aria2 in turn."""
    make_content(home)
    with (home / "content").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with nginx(home, home / "nginx", "access_log off;") as server:
        url = server.url("content")
        curl = f"curl -s {url} | tee got/content | openssl sha256 -r | grep -q {digest}"
        aria = ("aria2c", "-q", "-x4", "-d", "got", "-o", "content", f"--checksum=sha-256={digest}", url)
        contenders: dict[str, Command] = {
            "doctl": (*DOCTL, "fetch", url, "-q", "-o", "got/content", "--sha256", digest),
            "curl, tee and openssl": ("sh", "-c", curl),
            "aria2c -x4": aria,
        }
        runs = in_turn(contenders, home, rounds, lambda: clear(home))
    job = "fetch 1 GiB over HTTP, SHA-256 checked"
    yield _row(job, runs["doctl"], "curl, tee and openssl", runs["curl, tee and openssl"], at_least(1))
    yield _row(job, runs["doctl"], "aria2c -x4", runs["aria2c -x4"], at_least(2))


def _row(job: str, ours: list[Run], beside: str, theirs: list[Run], aim: Aim) -> Row:
    also = {
        f"{who}: {what}": [getattr(each, name) for each in runs]
        for who, runs in (("doctl", ours), (beside, theirs))
        for what, name in (("seconds", "wall"), ("processor seconds", "cpu"), ("MiB at the peak", "memory"))
    }
    speeds = [[GIB / 1e6 / each.wall for each in runs] for runs in (ours, theirs)]
    return Row(job, "MB/s", speeds[0], beside, speeds[1], aim, also)


def clear(home: Path) -> None:
    """Make the folder empty that fetches put their copies into, and have memory ready for them.

    A virtual machine hands memory that has been free for a while back to its host. Who writes a file next pays for
    having it again, up to 2 s for a GiB, and that would be whoever comes after a slow contender.
    """
    shutil.rmtree(home / "got", ignore_errors=True)
    (home / "got").mkdir()
    with mmap.mmap(-1, GIB * 3 // 2) as memory:
        for page in range(0, len(memory), mmap.PAGESIZE):
            memory[page] = 1
