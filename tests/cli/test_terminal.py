"""What doctl does on a terminal, and when somebody presses Ctrl-C."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.inventories import ETHERNET, UNSEEN_VPN, inventory

if sys.platform == "win32":
    pytest.skip("terminals and signals are POSIX here", allow_module_level=True)

import pty

ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM", "COLUMNS")}


def read_all(terminal: int) -> str:
    """Read what was written to a terminal until its other end is closed."""
    data = b""
    try:
        while part := os.read(terminal, 65536):
            data += part
    except OSError:  # how Linux says that the other end was closed
        pass
    return data.decode()


@dataclass
class Seen:
    """What appeared on standard output and on standard error, and the exit code."""

    out: str
    err: str
    code: int


def on_terminal(*arguments: str, environment: dict[str, str] | None = None, out: bool = True) -> Seen:
    """Run doctl with a terminal on stderr and, unless ``out`` is false, on stdout, which is a pipe then."""
    ends = {"out": pty.openpty() if out else os.pipe(), "err": pty.openpty()}
    reading = {name: end[0] for name, end in ends.items()}
    writing = {name: end[1] for name, end in ends.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "doctl", *arguments],
        env=ENVIRONMENT | {"TERM": "xterm-256color"} | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=writing["out"],
        stderr=writing["err"],
    )
    for end in writing.values():
        os.close(end)
    try:
        return Seen(read_all(reading["out"]), read_all(reading["err"]), process.wait(30))
    finally:
        process.kill()
        for end in reading.values():
            os.close(end)


def test_a_terminal_gets_colour_and_its_width(tmp_path: Path) -> None:
    """On a terminal the table has colour and is as wide as the terminal."""
    source = inventory(tmp_path, ETHERNET)
    assert "\x1b[32m✓ pass" in on_terminal("vpn", "--from", source).out
    wide, narrow = (on_terminal("vpn", "--from", source, environment={"COLUMNS": width}).out for width in ("200", "80"))
    assert "…" in narrow
    assert "…" not in wide


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_no_colour_where_none_is_wanted(environment: dict[str, str], tmp_path: Path) -> None:
    """NO_COLOR and a dumb terminal mean plain text."""
    assert "\x1b[3" not in on_terminal("vpn", "--from", inventory(tmp_path, UNSEEN_VPN), environment=environment).out


def test_progress_is_on_stderr_and_gone_at_the_end(tmp_path: Path) -> None:
    """While checks run, a terminal on stderr has one line that counts findings; it is cleared, and stdout is pure."""
    seen = on_terminal("vpn", "--from", inventory(tmp_path, ETHERNET), "--format", "json", out=False)
    json.loads(seen.out)
    assert "checking vpn: 2 findings, 0 failed" in seen.err
    assert seen.err.split("\r")[-2].isspace()
    assert not {"\n", "\x1b"} & set(seen.err)


def test_quiet_and_dumb_terminals_get_no_progress(tmp_path: Path) -> None:
    """With -q, or where the terminal cannot take a line back, stderr stays empty."""
    source = inventory(tmp_path, ETHERNET)
    assert on_terminal("vpn", "--from", source, "-q").err == ""
    assert on_terminal("vpn", "--from", source, environment={"TERM": "dumb"}).err == ""


@dataclass
class Mute:
    """A server that lets everybody connect and says nothing."""

    listening: socket.socket
    callers: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/file"

    def wait_for_a_caller(self) -> None:
        self.callers.append(self.listening.accept()[0])


@contextmanager
def mute_server() -> Iterator[Mute]:
    """Run such a server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        server = Mute(listening)
        try:
            yield server
        finally:
            for caller in server.callers:
                caller.close()


def interrupted(server: Mute, *command: str) -> tuple[int, str, str]:
    """Run a command, press Ctrl-C once it waits for ``server``, and return the exit code and what it wrote."""
    process = subprocess.Popen(
        [sys.executable, "-m", "doctl", *command, "--timeout", "60"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        server.wait_for_a_caller()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.mark.parametrize(("wanted", "code"), [("json", 130), ("nagios", 3)])
def test_ctrl_c_prints_what_is_known_and_names_the_rest(wanted: str, code: int) -> None:
    """Ctrl-C in the middle of a check gives a whole report with what was found and what was interrupted."""
    with mute_server() as server:
        returned, out, err = interrupted(server, "proxy", server.url, "--direct", "--format", wanted)
    assert (returned, err) == (code, "")
    if wanted == "nagios":
        assert re.match(r"DOCTL PROXY UNKNOWN - 1 not determined, 1 passed \|", out)
        return
    found = {(finding["id"], finding["reason"]) for finding in json.loads(out)["findings"]}
    assert found == {("proxy.route", "ok"), ("proxy.check", "interrupted")}


def test_ctrl_c_is_always_told() -> None:
    """A command that is no service and has no report says that it was interrupted."""
    with mute_server() as server:
        told = interrupted(server, "peers", server.url, "--coordinator", server.url)
    assert told == (130, "", "doctl: interrupted\n")


LOADING = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "doctl.cli.app":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from doctl.__main__ import main
sys.exit(main())
"""


def test_ctrl_c_at_the_very_start_is_one_line() -> None:
    """Ctrl-C while doctl is still being loaded is one line as well, without a traceback."""
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "doctl: interrupted\n")
