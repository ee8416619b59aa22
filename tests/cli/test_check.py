"""``doctl check``: every area at once, on networks that answer nothing, or are not there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from doctl.cli.app import run
from doctl.cli.check import AREAS
from doctl.endpoints import HOSTS
from tests import namespaces, need

DOCTL = (sys.executable, "-m", "doctl")
SCHEMA = json.loads(files("doctl.output").joinpath("schema", "report.json").read_text("utf-8"))
AREAS_OF_FINDINGS = {"ports", "hosts", "proxy", "vpn", "teredo", "wsus"}


CHECK = (*DOCTL, "check", "--format", "json")


def read(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """Return the report that ``doctl check`` wrote, held against the schema and the exit code."""
    assert done.stderr == ""
    report: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    assert done.returncode == {"pass": 0, "warn": 0, "fail": 1, "unknown": 3}[report["status"]]
    return report


def statuses(report: dict[str, Any], check: str) -> set[str]:
    """Return the statuses of the findings whose id begins with ``check``."""
    return {finding["status"] for finding in report["findings"] if finding["id"].startswith(check)}


@pytest.fixture
def black_hole() -> Iterator[namespaces.Host]:
    """Give a host whose way to everywhere, its name server included, swallows all packets."""
    with namespaces.black_hole() as client:
        yield client


def concrete_names() -> list[str]:
    """Return every host name that doctl may look at."""
    names = {row.pattern for row in HOSTS if not row.wildcard}
    return sorted(names.union(*({*row.names, *row.samples} for row in HOSTS)))


def test_a_black_hole_without_names_is_told_in_time(black_hole: namespaces.Host) -> None:
    """Where no packet is ever answered, the whole of ``doctl check --timeout 3`` ends within four seconds."""
    report = read(black_hole.in_time(4, *CHECK, "--timeout", "3"))
    assert report["status"] in ("fail", "unknown")
    assert {finding["id"].split(".")[0] for finding in report["findings"]} >= AREAS_OF_FINDINGS
    assert not statuses(report, "hosts.reach") & {"pass"}
    assert not statuses(report, "ports.443") & {"pass"}


def test_a_black_hole_with_names_is_told_in_time(black_hole: namespaces.Host) -> None:
    """The same where all names have addresses, so that every connection is tried and none is answered."""
    addresses = {name: f"198.51.100.{number}" for number, name in enumerate(concrete_names(), 1)}
    black_hole.set_names(addresses)
    report = read(black_hole.in_time(4, *CHECK, "--timeout", "3"))
    filtered = [f for f in report["findings"] if f["reason"] == "filtered"]
    assert len({finding["target"] for finding in filtered}) >= 5


@pytest.mark.parametrize("command", [["proxy", "--pac", "http://pac.example/"], ["fetch", "http://file.example/"]])
def test_a_name_server_that_is_silent_holds_up_no_end(black_hole: namespaces.Host, command: list[str]) -> None:
    """A name that only the HTTP client looks up keeps no command past its timeout; the system would take 10 s."""
    done = black_hole.in_time(3, *DOCTL, *command, "--timeout", "1")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_no_network_at_all_is_clear_findings() -> None:
    """A machine whose only adapter is down gets a report of what that means, not a crash."""
    with namespaces.lan("alone") as (alone,):
        alone.run("ip", "link", "set", "eth0", "down")
        report = read(alone.run(*CHECK, "--timeout", "1", check=False))
    assert report["status"] in ("fail", "unknown")
    assert not [finding for finding in report["findings"] if finding["reason"] == "not_done"]


def test_without_rights_what_cannot_be_read_is_unknown() -> None:
    """A user who may not read the firewall gets unknown for it, and everything else as usual."""
    setpriv = need.program("setpriv")
    with namespaces.lan("alone") as (alone,):
        alone.nft("table inet t { chain c { type filter hook input priority 0; policy drop; }; }")
        prefix = (setpriv, "--reuid=65534", "--regid=65534", "--clear-groups")
        report = read(alone.run(*prefix, *CHECK, "ports", "vpn", "--timeout", "1", check=False))
    assert statuses(report, "ports.7680.firewall") == {"unknown"}
    assert "pass" in statuses(report, "vpn.")


def test_areas_that_are_named_are_the_only_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """With areas named only these are checked, each once."""
    assert run(["check", "vpn", "vpn", "--format", "json"]) in (0, 3)
    report = json.loads(capsys.readouterr().out)
    assert report["command"] == "check"
    assert {finding["id"].split(".")[0] for finding in report["findings"]} == {"vpn"}


@pytest.mark.parametrize("command", [["check", "vpn"], ["vpn"]])
def test_the_settings_of_this_machine_are_honoured(command: list[str]) -> None:
    """What is in effect here decides what follows from a VPN, in the whole check as in its own command."""
    environment = {**os.environ, "DOCTL_DODOWNLOADMODE": "0"}
    done = subprocess.run([*DOCTL, *command, "--format", "json"], capture_output=True, env=environment, check=False)
    effect = next(one for one in json.loads(done.stdout)["findings"] if one["id"] == "vpn.effect")
    assert effect["reason"] == "mode_without_peers"
    assert effect["facts"]["download_mode_from"] == "environment DOCTL_DODOWNLOADMODE"


def test_what_is_no_area_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """An area that does not exist is exit 2 and one line that names those that do."""
    assert run(["check", "vpn", "x\x1b[31m"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("doctl: 'x\\\\x1b[31m' is not an area: name some of ")
    assert all(area in err for area in AREAS)


def test_every_area_is_a_command_of_its_own() -> None:
    """Each area can be checked by itself, by the command of that name."""
    for area in AREAS:
        done = subprocess.run([*DOCTL, area, "--help"], capture_output=True, text=True, check=True)
        assert f"Usage: doctl {area}" in done.stdout


def test_the_text_ends_with_next_steps() -> None:
    """On a machine with problems the text ends with at most three next steps, each with what it is for."""
    with namespaces.lan("alone") as (alone,):
        alone.run("ip", "link", "set", "eth0", "down")
        text = alone.run(*DOCTL, "check", "--timeout", "1", check=False).stdout
    _, _, steps = text.partition("\nNext steps\n")
    assert steps.startswith("  1. ")
    assert 1 <= steps.count("because of ") <= 3
