"""The most memory that a fetch holds: of 1 GiB and of 20 GiB, from an HTTP origin and a peer at once.

What is fetched is a file with a hole in it, so that only the copy takes disk.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import run, running
from benchmarks.rows import Row, at_most
from benchmarks.transfers import DOCTL, GIB, clear, serve
from tests import need
from tests.servers.nginx import nginx

LARGE = 20
"""GiB."""
LIMIT = 80.0
"""MiB."""
SPARE = 2 << 30
"""Bytes to leave on the disk."""


def rows(home: Path, _rounds: int) -> Iterator[Row]:
    """Fetch each once: memory hardly varies, and 20 GiB take a while."""
    if shutil.disk_usage(home).free < LARGE * GIB + SPARE:
        need.absent(f"needs {LARGE} GiB of disk in {home}; the environment variable TMPDIR names another place")
    small, large = (_peak(home, size) for size in (1, LARGE))
    what = f"memory at the peak of fetching {LARGE} GiB from HTTP and a peer"
    yield Row(what, "MiB", [large], "1 GiB", [small], at_most(1.05))
    yield Row(what, "MiB", [large], "the limit", [LIMIT], at_most(1))


def _peak(home: Path, size: int) -> float:
    """Return the MiB that a fetch of ``size`` GiB holds at the most."""
    name = f"sparse-{size}"
    with (home / name).open("wb") as file:
        file.truncate(size * GIB)
    run((*DOCTL, "phf", "create", name, "-q"), home)
    clear(home)
    with nginx(home, home / "nginx-memory", "access_log off;") as server, running(serve(name), home) as (said, _):
        peer = json.loads(said)
        trust = ("--phf", f"{name}.phf", "--hash-of-hashes", peer["hash_of_hashes"][0], "--peer", peer["address"])
        fetch = (*DOCTL, "fetch", server.url(name), "-q", "-o", "got/content", "--listen", "127.0.0.1:0", *trust)
        held = run(fetch, home).memory
    clear(home)
    return held
