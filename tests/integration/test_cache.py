"""``doctl fetch --cache-host`` with a real nginx as the cache: asked first, left alone when it fails, never trusted."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doctl.jobs.phf import beside
from doctl.transfer.content import PIECE_SIZE
from doctl.transfer.hashing import describe, sha256_of
from doctl.wire.hash_file import to_json
from tests.integration.commands import DOCTL, write_random
from tests.servers.nginx import Nginx, nginx

LENGTH = 20 * PIECE_SIZE + 5
CACHING = """
    location /wrong/ { alias %(home)s/wrong/; }
    location /gone/ { return 404; }
    location /broken/ { return 502; }
    location / { proxy_pass http://$arg_cacheHostOrigin$uri; }
"""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Nginx]:
    """Run an origin with the file, its hash file beside it, under several names."""
    folder = tmp_path / "www"
    for name in ("right", "wrong", "gone", "broken"):
        (folder / name).mkdir(parents=True)
        file = folder / name / "file.bin"
        if name == "right":
            write_random(file, LENGTH)
        else:
            os.link(folder / "right" / "file.bin", file)
        beside(file).write_bytes(to_json(describe(file, PIECE_SIZE)))
    with nginx(folder, tmp_path / "origin") as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Nginx]:
    """Run a cache that passes requests on, and has files of its own to get wrong."""
    home = tmp_path / "cache"
    (home / "wrong").mkdir(parents=True)
    write_random(home / "wrong" / "file.bin", LENGTH)
    os.utime(home / "wrong" / "file.bin", (1_700_000_000, 1_700_000_000))  # or its tag would be that of the right one
    with nginx(home, home / "nginx", CACHING % {"home": home}) as server:
        yield server


def fetch(origin: Nginx, host: str, name: str, into: Path, *more: object) -> tuple[dict[str, Any], str]:
    """Fetch the file ``name`` and return the result and what was said."""
    command = [*DOCTL, "fetch", origin.url(f"{name}/file.bin"), "--cache-host", host, "--format", "json", "--force"]
    done = subprocess.run(
        [*command, "-o", str(into / "got"), *map(str, more)],
        env={**os.environ, "XDG_CACHE_HOME": str(into)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["error"] is None
    assert result["sha256"] == sha256_of(into / "www" / "right" / "file.bin")
    return result, done.stderr


def hash_file(into: Path) -> tuple[object, ...]:
    """Return the option that names the hash file."""
    return "--phf", beside(into / "www" / "right" / "file.bin")


def test_the_cache_gives_everything(origin: Nginx, cache: Nginx, tmp_path: Path) -> None:
    """The origin tells what the file is, every byte comes through the cache, and is booked as the cache's."""
    result, _ = fetch(origin, f"127.0.0.1:{cache.plain}", "right", tmp_path)
    assert result["bytes_from"]["cache"] == LENGTH
    assert result["bytes_from"]["http"] == 0
    asked = [line for line in cache.requests() if "/right/file.bin" in line]
    assert all(f"cacheHostOrigin=127.0.0.1:{origin.plain}" in line for line in asked)


def test_a_dead_cache_is_left_alone(origin: Nginx, tmp_path: Path) -> None:
    """Where nobody listens the origin gives everything, and the next fetch does not even ask."""
    _, said = fetch(origin, "127.0.0.1:9", "right", tmp_path)
    assert "the cache 127.0.0.1:9 is left alone for 15 min" in said
    result, said = fetch(origin, "127.0.0.1:9", "right", tmp_path)
    assert result["bytes_from"]["http"] == LENGTH or result["resumed_bytes"] == LENGTH
    (tmp_path / "got").unlink(missing_ok=True)
    result, said = fetch(origin, "127.0.0.1:9", "right", tmp_path)
    assert result["bytes_from"]["http"] == LENGTH
    assert "failed lately and is left alone for 15 min more" in said


def test_a_cache_that_has_it_not_is_asked_for_other_origins(origin: Nginx, cache: Nginx, tmp_path: Path) -> None:
    """A 404 rests the cache for that original host only; a 502 rests it for all."""
    host = f"127.0.0.1:{cache.plain}"
    result, _ = fetch(origin, host, "gone", tmp_path)
    assert result["bytes_from"]["http"] == LENGTH
    notes = json.loads((tmp_path / "doctl" / "cache-hosts.json").read_text())
    assert list(notes) == [f"{host} 127.0.0.1:{origin.plain}"]
    (tmp_path / "doctl" / "cache-hosts.json").unlink()
    (tmp_path / "got").unlink()
    fetch(origin, host, "broken", tmp_path)
    assert list(json.loads((tmp_path / "doctl" / "cache-hosts.json").read_text())) == [host]


def test_a_cache_that_lies_is_dropped(origin: Nginx, cache: Nginx, tmp_path: Path) -> None:
    """A wrong copy is noticed by its hash, none of it is kept, and the origin gives the file."""
    result, said = fetch(origin, f"127.0.0.1:{cache.plain}", "wrong", tmp_path, *hash_file(tmp_path))
    assert result["bytes_from"]["cache"] == 0
    assert result["bytes_from"]["http"] == LENGTH
    assert "sent a piece that is not what its hash says" in said


def test_a_cache_with_another_version_is_not_mixed_in(origin: Nginx, cache: Nginx, tmp_path: Path) -> None:
    """Without a hash file a cache whose copy has another tag or date gives nothing."""
    result, said = fetch(origin, f"127.0.0.1:{cache.plain}", "wrong", tmp_path)
    assert result["bytes_from"]["cache"] == 0
    assert "another version of the file" in said
