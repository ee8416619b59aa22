"""WSUS by policy, and Teredo, on Windows' own CPython under Wine: winreg and UDP really run, netsh says nothing."""

import json
from typing import Any

import pytest

from tests.integration.conftest import Run
from tests.servers.teredo import TeredoServer
from tests.servers.wsus import Manners, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run sets Wine up

BY_POLICY = """\
import asyncio, json, sys, winreg
from doctl.checks import wsus
from doctl.checks.wsus.policy import KEY, SWITCH_KEY
from tests.offline import Offline

texts, switch = json.loads(sys.argv[1])
found = []
try:
    with winreg.CreateKey(winreg.HKEY_LOCAL_MACHINE, KEY) as key:
        for name, text in texts.items():
            winreg.SetValueEx(key, name, 0, winreg.REG_SZ, text)
    with winreg.CreateKey(winreg.HKEY_LOCAL_MACHINE, SWITCH_KEY) as key:
        winreg.SetValueEx(key, "UseWUServer", 0, winreg.REG_DWORD, switch)
    asyncio.run(wsus.run(Offline(), wsus.Options(timeout=10), found.append))
finally:
    for path in (SWITCH_KEY, KEY):
        winreg.DeleteKey(winreg.HKEY_LOCAL_MACHINE, path)
print(json.dumps([[each.id, each.target, each.status, each.reason] for each in found]))
"""


def by_policy(run: Run, switch: int, **texts: str) -> list[list[str]]:
    """Set the policy, check by it, and take it away; return id, target, status and reason of each finding."""
    done = run("-c", BY_POLICY, json.dumps([texts, switch]))
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_the_policy_in_the_registry_names_the_server(windows_python: Run) -> None:
    """WUServer, WUStatusServer and UpdateServiceUrlAlternate are read with winreg, and the servers are looked at."""
    with running() as (url, _), running(Manners(content="missing")) as (alternate, _):
        found = by_policy(windows_python, 1, WUServer=url, WUStatusServer=url, UpdateServiceUrlAlternate=alternate)
    assert ["wsus.server", url, "pass", "ok"] in found
    assert ["wsus.content", url, "pass", "ok"] in found
    assert ["wsus.ranges", f"{url}/SelfUpdate/wuident.cab", "pass", "ok"] in found
    assert ["wsus.content", alternate, "warn", "content_unavailable"] in found


def test_a_server_counts_only_with_its_switch(windows_python: Run) -> None:
    """UseWUServer 0 leaves one finding: not_configured."""
    (finding,) = by_policy(windows_python, 0, WUServer="http://192.0.2.1:8530", WUStatusServer="http://192.0.2.1:8530")
    assert finding[2:] == ["warn", "not_configured"]


def test_without_a_policy_nothing_is_configured(windows: Run) -> None:
    """The command itself ends with exit code 3: nothing was tested."""
    done = windows("wsus", "--format", "json")
    assert done.returncode == 3, done.stderr
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["status"], finding["reason"]) == ("skip", "not_configured")
    assert finding["target"].startswith("HKLM\\")


@pytest.mark.parametrize("nat", ["cone", "restricted", "symmetric"])
def test_teredo_on_windows(windows: Run, nat: str) -> None:
    """The NAT is told on the Proactor loop as well, and a netsh that says nothing is unknown, never a pass."""
    with TeredoServer(nat).running() as server:
        done = windows(
            "teredo", "--server", server.server, "--second", server.second, "--timeout", "3", "--format", "json"
        )
    found: dict[str, Any] = {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["teredo.qualify"]["facts"]["nat"] == nat
    assert (found["teredo.client"]["status"], found["teredo.client"]["reason"]) == ("unknown", "not_told")
    assert done.returncode == (1 if nat == "symmetric" else 3)


def test_a_closed_port_on_windows(windows: Run) -> None:
    """What the system raises of a port that is not open is no crash."""
    with TeredoServer().running() as server:
        pass
    done = windows("teredo", "--server", server.server, "--timeout", "2", "--format", "json")
    found = {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["teredo.qualify"]["reason"] == "blocked", done.stderr
