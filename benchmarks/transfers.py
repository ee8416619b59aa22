"""Fetching 1 GiB on loopback: from peers beside libtorrent, over HTTP beside curl, openssl and aria2."""

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Command, Figures, in_turn, running
from tests.servers.nginx import nginx

GIB = 1 << 30
PYTHON = (sys.executable, "-W", "ignore")
DOCTL = (*PYTHON, "-m", "doctl")
RIVAL = (*PYTHON, str(Path(__file__).with_name("rival_libtorrent.py")))


def make_content(home: Path, length: int = GIB) -> None:
    """Put ``content`` of random bytes into ``home``, with its hash file and torrent."""
    with (home / "content").open("wb") as file, Path("/dev/urandom").open("rb") as source:
        while left := length - file.tell():
            file.write(source.read(min(left, 8 << 20)))
    for command in (
        (*DOCTL, "phf", "create", "content", "-q"),
        (*RIVAL, "make", home / "content", "content.torrent"),
    ):
        in_turn({"": command}, home, 0)


def from_peers(home: Path, seeds: int, rounds: int) -> list[Figures]:
    """Fetch from ``seeds`` peers, every piece verified: doctl and libtorrent in turn."""
    with contextlib.ExitStack() as stack:
        ours = [json.loads(stack.enter_context(running(_serve(), home))) for _ in range(seeds)]
        command = (*RIVAL, "seed", home / "content", "content.torrent")
        theirs = [stack.enter_context(running(command, home)) for _ in range(seeds)]
        peers = [word for seed in ours for word in ("--peer", seed["address"])]
        contenders: dict[str, Command] = {
            "doctl": (*DOCTL, "fetch", "http://127.0.0.1:9/", "-q", "-o", "got/content", "--phf", "content.phf",
                      "--hash-of-hashes", ours[0]["hash_of_hashes"][0], "--listen", "127.0.0.1:0", *peers),
            "libtorrent": (*RIVAL, "fetch", "content.torrent", "got", *theirs),
        }  # fmt: skip
        return in_turn(contenders, home, rounds, lambda: _clear(home))


def over_http(home: Path, rounds: int) -> list[Figures]:
    """Fetch from nginx, checked by SHA-256: doctl, curl with openssl, aria2 in turn."""
    digest = _sha256(home / "content")
    with nginx(home, home / "nginx", "access_log off;") as server:
        url = server.url("content")
        curl = f"curl -s {url} | tee got/content | openssl sha256 -r | grep -q {digest}"
        aria = ("aria2c", "-q", "-x4", "-d", "got", "-o", "content", f"--checksum=sha-256={digest}", url)
        contenders: dict[str, Command] = {
            "doctl": (*DOCTL, "fetch", url, "-q", "-o", "got/content", "--sha256", digest),
            "curl | tee | openssl": ("sh", "-c", curl),
            "aria2c -x4": aria,
        }
        return in_turn(contenders, home, rounds, lambda: _clear(home))


def _serve() -> Command:
    return (*DOCTL, "serve", "content", "-q", "--listen", "127.0.0.1:0", "--format", "json")


def _clear(home: Path) -> None:
    shutil.rmtree(home / "got", ignore_errors=True)
    (home / "got").mkdir()


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def results(home: Path, rounds: int) -> Iterator[tuple[str, list[Figures]]]:
    """Yield each comparison's name and figures, ours first."""
    make_content(home)
    yield "peer fetch of 1 GiB, 1 seed", from_peers(home, 1, rounds)
    yield "peer fetch of 1 GiB, 4 seeds", from_peers(home, 4, rounds)
    yield "HTTP fetch of 1 GiB, SHA-256 checked", over_http(home, rounds)
