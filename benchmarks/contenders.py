"""What sends over a bottleneck: doctl each way, and others."""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.bottleneck import FLOW, PORT, Link, Process, first_line
from benchmarks.measure import run
from tests.integration.swarms import NGINX

PYTHON = (sys.executable, "-W", "ignore")
DOCTL = (*PYTHON, "-m", "doctl")
UTP = (*PYTHON, str(Path(__file__).with_name("rival_utp.py")))
GREEDY = (*PYTHON, "-m", "tests.servers.greedy_seed")
SEED_PORT = 7777
ENDLESS = "3600"
LENGTH = 2 << 30
"""Bytes of what doctl fetches: more than any run takes, with a hole in it, so that it costs no disk."""

Start = Callable[[Link, Path], Sequence[Process]]
"""Starts one over a link, with a folder that is kept from one start to the next."""


def upload(link: Link, _home: Path, *target: str) -> Sequence[Process]:
    """Start a flow that doctl steers as it does an upload; ``target`` is a delay to aim at, in seconds."""
    return [link.sender.start(*FLOW, "background", link.receiver.ipv4, str(PORT), ENDLESS, *target)]


def plain(link: Link, _home: Path) -> Sequence[Process]:
    """Start a flow that nothing steers."""
    return [link.sender.start(*FLOW, "plain", link.receiver.ipv4, str(PORT), ENDLESS)]


def utp(link: Link, home: Path) -> Sequence[Process]:
    """Start libtorrent at both ends, in a folder of its own; what an earlier one left is thrown away."""
    folder = home / "utp"
    folder.mkdir(exist_ok=True)
    shutil.rmtree(folder / "got", ignore_errors=True)
    seed = link.sender.start(*UTP, "seed", str(folder), link.sender.ipv4, "6881")
    first_line(seed)
    return [seed, link.receiver.start(*UTP, "fetch", str(folder), link.sender.ipv4, "6881")]


def from_http(link: Link, home: Path) -> Sequence[Process]:
    """Fetch in the background from nginx."""
    make_content(home)
    (home / "conf").write_text(NGINX.format(home=home))
    nginx = link.sender.start("nginx", "-e", str(home / "log"), "-c", str(home / "conf"))
    return [nginx, _fetch(link, home, f"http://{link.sender.ipv4}/content")]


def from_peer(link: Link, home: Path) -> Sequence[Process]:
    """Fetch in the background from a peer that gives way to nobody."""
    content = make_content(home)
    seed = link.sender.start(*GREEDY, str(content), link.sender.ipv4, str(SEED_PORT))
    trusted = ("--phf", f"{content}.phf", "--hash-of-hashes", first_line(seed))
    where = ("--peer", f"{link.sender.ipv4}:{SEED_PORT}", "--listen", f"{link.receiver.ipv4}:0")
    return [seed, _fetch(link, home, "http://127.0.0.1:9/", *trusted, *where)]


CONTENDERS: Final[dict[str, Start]] = {
    "doctl, upload": upload,
    "doctl, HTTP": from_http,
    "doctl, peer": from_peer,
    "uTP": utp,
    "plain TCP": plain,
}
"""Every one, in the order of the tables."""


def _aiming_at(seconds: float) -> Start:
    return lambda link, home: upload(link, home, str(seconds))


TARGETS: Final[dict[str, Start]] = {f"{ms} ms": _aiming_at(ms / 1e3) for ms in (5, 10, 25, 60)}
"""Uploads that aim at a fixed delay, to see which is best; 60 ms is the draft's."""


def make_content(home: Path) -> Path:
    """Return what is fetched, made with its hash file unless it is there."""
    content = home / "www" / "content"
    if not content.exists():
        content.parent.mkdir()
        with content.open("wb") as file:
            file.truncate(LENGTH)
        run((*DOCTL, "phf", "create", str(content), "-q"), home)
    return content


def _fetch(link: Link, home: Path, *what: str) -> Process:
    """Start a fetch and wait until something comes; what an earlier one left is thrown away."""
    for left in home.glob("got*"):
        left.unlink()
    fetch = link.receiver.start(*DOCTL, "fetch", *what, "-o", str(home / "got"), "--background", "-v", "--force")
    assert fetch.stderr is not None
    while "downloads give way" not in (line := fetch.stderr.readline()):
        assert line, "the fetch ended"
    return fetch
