"""``doctl teredo`` through its entry point, against a server of our own on loopback: no rights are needed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from doctl.cli.app import run
from doctl.output import Format
from tests.servers.teredo import TeredoServer

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schema" / "report.json").read_text())


def asked(server: TeredoServer, *options: str) -> list[str]:
    """Return the command line that asks ``server``."""
    return ["teredo", "--server", server.server, "--second", server.second, "--timeout", "0.6", *options]


@pytest.mark.parametrize(
    ("nat", "silent", "code", "status", "told"),
    [
        ("cone", frozenset(), 0, "pass", "cone"),
        ("restricted", frozenset(), 0, "pass", "restricted"),
        ("symmetric", frozenset(), 1, "fail", "symmetric"),
        ("restricted", frozenset({"first", "second"}), 1, "fail", "blocked"),
        ("restricted", frozenset({"second"}), 3, "unknown", None),
    ],
)
def test_each_nat_has_its_exit_code(
    nat: str, silent: frozenset[str], code: int, status: str, told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report fits the schema, has the promised facts, and the exit code follows from it."""
    with TeredoServer(nat, silent=silent).running() as server:
        assert run(asked(server, "--format", "json")) == code
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, SCHEMA)
    found = {finding["id"]: finding for finding in report["findings"]}
    finding = found["teredo.qualify"]
    assert (finding["status"], finding["facts"]["nat"]) == (status, told)
    assert (finding["target"], finding["facts"]["server"]) == (server.server, server.server)
    assert re.fullmatch(r"127\.0\.0\.1:\d+", finding["facts"]["mapped"] or "") or told == "blocked"


@pytest.mark.parametrize("wanted", Format)
def test_every_format_tells_it(wanted: Format) -> None:
    """Each format says symmetric, on standard output alone."""
    with TeredoServer("symmetric").running() as server:
        command = [sys.executable, "-m", "doctl", *asked(server, "--format", wanted)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2 if wanted is Format.NAGIOS else 1, "")
    assert "symmetric" in done.stdout


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--second", "192.0.2.2"], "name that with --server"),
        (["--server", "2001:db8::1"], "IPv4 address"),
        (["--server", "[2001:db8::1]:3544"], "IPv4 address"),
        (["--server", "a.test:0"], "IPv4 address"),
        (["--server", "a.test:x"], "no valid port"),
        (["--server", ""], "an empty value after --server"),
        (["extra"], "extra"),
    ],
)
def test_wrong_use_is_one_clear_line(options: list[str], problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and a line that says what would be right."""
    assert run(["teredo", *options]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert problem in err
