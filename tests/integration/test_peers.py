"""``doctl peers`` against a real coordinator and a real peer: by URL, by content id, and what goes wrong."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.commands import DOCTL, doctl, serving, write_random

URL = "http://origin.test/update.cab"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Make a file large enough to have peers."""
    return write_random(tmp_path / "update.cab", 11_000_000)


@pytest.fixture
def coordinator(file: Path) -> Iterator[str]:
    """Run a coordinator that publishes the file; gives its URL."""
    command = [*DOCTL, "coordinator", "--listen", "127.0.0.1:0", "--publish", f"{file}={URL}", "--format", "json"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            yield f"http://{json.loads(process.stdout.readline())['address']}"
        finally:
            process.kill()


def listed(content: str, coordinator: str) -> list[str]:
    """Return the lines of ``doctl peers`` once there is a peer in them: joining takes a moment."""
    end = time.monotonic() + 30
    lines: list[str] = []
    while len(lines) < 2:
        assert time.monotonic() < end, "the peer did not join"
        done = doctl("peers", content, "--coordinator", coordinator)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
    return lines


def test_a_swarm_by_url_and_by_content_id(file: Path, coordinator: str) -> None:
    """A peer that serves published content stands in the list with its address and port, however it is asked for."""
    with contextlib.ExitStack() as stack:
        seed = stack.enter_context(serving(file, "--coordinator", coordinator))
        first, columns, peer = listed(URL, coordinator)
        assert first.startswith("peers of DO-")
        assert first.endswith(": 1")
        assert columns.split() == ["address", "port", "type", "private", "peer", "id"]
        address, port, *_ = peer.split()
        assert f"{address}:{port}" == seed.address
        content_id = first.split()[2].rstrip(":")
        found = json.loads(doctl("peers", content_id, "--coordinator", coordinator, "--format", "json").stdout)
    assert found["content_id"] == content_id
    assert [f"{each['address']}:{each['port']}" for each in found["peers"]] == [seed.address]


def test_nobody_is_there(coordinator: str) -> None:
    """An empty swarm is a list of nobody, and no failure."""
    done = doctl("peers", URL, "--coordinator", coordinator)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert done.stdout.endswith(": 0\n")


@pytest.mark.parametrize(
    ("coordinator_url", "code"), [("http://127.0.0.1:9", 1), ("ftp://127.0.0.1", 2), ("nonsense", 2)]
)
def test_no_service_there(coordinator_url: str, code: int) -> None:
    """A service that is not there, or that is no URL, is one line."""
    done = doctl("peers", URL, "--coordinator", coordinator_url)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1
