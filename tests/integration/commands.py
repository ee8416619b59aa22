"""Runs the real command, as users and scripts do."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCTL = (sys.executable, "-m", "doctl")


@dataclass(frozen=True)
class Seed:
    """A running ``doctl serve``: where it listens and what it shares."""

    address: str
    hash_of_hashes: str
    process: "subprocess.Popen[str]"


def doctl(*arguments: object, timeout: float = 250, prefix: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    """Run doctl to its end and return what it printed."""
    return subprocess.run(
        [*prefix, *DOCTL, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def fetched(*arguments: object, timeout: float = 250) -> dict[str, Any]:
    """Run ``doctl fetch`` and return its JSON, which must have come whatever happened."""
    done = doctl("fetch", *arguments, "--format", "json", "--listen", "127.0.0.1:0", timeout=timeout)
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if result["status"] == "pass" else 1), done.stderr
    return result


@contextlib.contextmanager
def serving(*arguments: object, prefix: tuple[str, ...] = (), listen: str = "127.0.0.1:0") -> Iterator[Seed]:
    """Run ``doctl serve`` until the block ends."""
    command = [*prefix, *DOCTL, "serve", *map(str, arguments), "--listen", listen, "--format", "json", "-q"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            event = json.loads(process.stdout.readline())
            yield Seed(event["address"], event["hash_of_hashes"][0], process)
        finally:
            process.kill()


def write_random(path: Path, length: int) -> Path:
    """Fill ``path`` with ``length`` bytes that do not repeat."""
    with path.open("wb") as file, Path("/dev/urandom").open("rb") as source:
        while left := length - file.tell():
            file.write(source.read(min(left, 8 << 20)))
    return path
