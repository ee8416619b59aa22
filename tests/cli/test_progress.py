"""How a transfer's progress is written: a live line on a terminal, plain lines elsewhere."""

import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from doctl.cli.progress import line, size, talking
from doctl.report import Progress
from tests.integration.commands import DOCTL
from tests.servers.nginx import nginx

BYTES = {"http": 25, "cache": 0, "lan": 75, "group": 0, "internet": 0}


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (12_345_678, "12.3 MB"), (2e15, "2000.0 TB")]
)
def test_sizes(count: float, expected: str) -> None:
    """Bytes have decimal units."""
    assert size(count) == expected


def test_a_line_has_everything() -> None:
    """A line has total, rate, time left, peers and each source's share."""
    shown = line(Progress(done=5 * 10**7, total=10**8, rate=10**6, bytes_from=BYTES, peers=2))
    assert shown == "downloading: 50.0 MB of 100.0 MB, 1.0 MB/s, 0:50 left, 2 peers, http 25 %, lan 75 %"
    assert line(Progress(done=0, total=None, rate=0, bytes_from={}, peers=1)) == "downloading: 0 B of ?, 0 B/s, 1 peer"


def test_a_line_of_what_is_not_known() -> None:
    """Neither total nor rate need be known."""
    assert line(Progress(done=0, total=None, rate=0, bytes_from={}, peers=0)) == "downloading: 0 B of ?, 0 B/s"


def test_plain_lines_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there is a plain line every few seconds, on stderr, and what is said is made printable."""
    with talking(quiet=False) as talk:
        for _ in range(20):
            talk.watch(Progress(done=0, total=None, rate=0, bytes_from={}, peers=0))
        talk.say("an \x1b[31mescape")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["downloading: 0 B of ?, 0 B/s"] * 2 + [r"an \x1b[31mescape"]


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """With -q nothing is said."""
    with talking(quiet=True) as talk:
        talk.say("something")
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal stderr shows a live bar with rate and shares, while stdout has the result alone."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo terminals")
    (tmp_path / "file").write_bytes(os.urandom(4 << 20))
    ours, theirs = pty.openpty()
    seen = bytearray()

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                seen.extend(data)
        except OSError:  # the terminal's other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with nginx(tmp_path, tmp_path / "nginx") as server:
        command = [*DOCTL, "fetch", server.url("file"), "-o", str(tmp_path / "got"), "--max-down", "3MB"]
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        done = subprocess.run(command, stderr=theirs, stdout=subprocess.PIPE, check=False, env=environment)
    os.close(theirs)
    reader.join(10)
    os.close(ours)
    assert done.stdout.startswith(b"file ")
    assert re.search(r"downloading .*4\.2 MB.*MB/s.*http 100 %", seen.decode(), re.DOTALL)
