"""The real demonstration: all of it on loopback, without a network and without the optional part, and interrupted."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests import namespaces, need
from tests.integration.commands import DOCTL

WATCH = """
table inet watch {
    chain out {
        type filter hook output priority 0
        oifname != "lo" meta l4proto { tcp, udp } counter
    }
}
"""
SERVED = re.compile(r"^an honest peer 127\.0\.0\.1:\d+ +[\d.]+ MB +0  served$", re.MULTILINE)
LIED = re.compile(r"^a lying peer 127\.0\.0\.1:\d+ +0 B +\d+  banned: none of what it sent was used$", re.MULTILINE)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Give the demonstration folders of its own, and proxies that do not exist."""
    folders = {"TMPDIR": tmp_path / "tmp", "HOME": tmp_path / "home"}
    for folder in folders.values():
        folder.mkdir()
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://192.0.2.1:3128")
    return {name: str(folder) for name, folder in folders.items()} | proxies


def left(places: dict[str, str]) -> list[Path]:
    """Return what is left in the folders."""
    return [path for name in ("TMPDIR", "HOME") for path in Path(places[name]).rglob("*")]


def test_everything_on_loopback(places: dict[str, str]) -> None:
    """Without a route to anywhere the peers are found through the coordinator, checks pass, and nothing leaves."""
    with namespaces.lan("alone") as (alone,):
        alone.nft(WATCH)
        done = alone.run(*DOCTL, "demo", env=places)
        rules = alone.run(need.program("nft"), "list", "table", "inet", "watch").stdout
    assert "packets 0 bytes 0" in rules
    assert "a coordination service listens at http://127.0.0.1:" in done.stderr
    assert done.stderr.count("and joins the swarm\n") == 3
    assert "the service names the peers" in done.stderr
    assert "✓ pass     *:7680" in done.stdout
    assert "ok: All 9 ranges" in done.stdout
    assert "✓ pass 6 passed" in done.stdout
    assert len(SERVED.findall(done.stdout)) == 2
    assert len(LIED.findall(done.stdout)) == 1
    assert "\x1b" not in done.stdout + done.stderr
    assert left(places) == []


def test_without_the_optional_part(tmp_path: Path, places: dict[str, str]) -> None:
    """Where no coordinator can run, that is said, the check that needs it is skipped, and the peers are named."""
    for name in ("starlette", "uvicorn"):
        (tmp_path / f"{name}.py").write_text("raise ImportError\n")
    environment = {**os.environ, **places, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*DOCTL, "demo"], env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no coordination service, so that the fetch is told of its peers: " in done.stderr
    assert "doctl-toolkit[coordinator]" in done.stderr
    assert "joins the swarm" not in done.stderr
    assert "5 passed, 1 skipped" in done.stdout
    assert len(SERVED.findall(done.stdout)) == 2
    assert len(LIED.findall(done.stdout)) == 1


@pytest.mark.parametrize("moment", ["making", "checking"])
def test_an_interruption_ends_it_cleanly(places: dict[str, str], moment: str) -> None:
    """Ctrl-C is exit code 130 without a word more, while files are written as among tasks, and the folder is gone."""
    command = subprocess.Popen(
        [*DOCTL, "demo"],
        env={**os.environ, **places},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with command:
        assert command.stderr is not None
        while not command.stderr.readline().startswith(moment):
            assert command.poll() is None
        command.send_signal(signal.SIGINT)
        said, complaints = command.communicate(timeout=100)
    assert (command.returncode, said) == (130, "")
    assert "Traceback" not in complaints
    assert "doctl: " not in complaints
    assert left(places) == []
