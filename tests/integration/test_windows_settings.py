"""The policy in the registry, on Windows' own CPython under Wine."""

import json
from collections.abc import Iterator

import pytest

from tests.integration.conftest import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run sets Wine up

KEY = r"SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization"
SET = rf"""
import winreg
with winreg.CreateKey(winreg.HKEY_LOCAL_MACHINE, r"{KEY}") as key:
    winreg.SetValueEx(key, "DODownloadMode", 0, winreg.REG_DWORD, 2)
    winreg.SetValueEx(key, "DOCacheHost", 0, winreg.REG_SZ, "mcc.test")
    winreg.SetValueEx(key, "DOMaxCacheSize", 0, winreg.REG_DWORD, 900)
"""
CLEAN = rf'import winreg; winreg.DeleteKey(winreg.HKEY_LOCAL_MACHINE, r"{KEY}")'


@pytest.fixture
def policy(windows_python: Run) -> Iterator[None]:
    """Set a policy, one value of which is out of range."""
    done = windows_python("-c", SET)
    assert done.returncode == 0, done.stderr
    yield
    windows_python("-c", CLEAN)


def test_the_policy_is_read(windows: Run, policy: None) -> None:
    """What the policy sets is in effect and named, in checks too; a value out of range is told and left out."""
    done = windows("settings", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["settings"]["DODownloadMode"] == {
        "value": 2,
        "unit": "",
        "origin": "registry",
        "where": rf"HKLM\{KEY}",
    }
    assert found["settings"]["DOCacheHost"]["value"] == "mcc.test"
    assert found["settings"]["DOMaxCacheSize"]["origin"] == "default"
    assert "DOMaxCacheSize is 900" in done.stderr
    checked = json.loads(windows("check", "vpn", "--format", "json").stdout)
    effect = next(one["facts"] for one in checked["findings"] if one["id"] == "vpn.effect")
    assert (effect["download_mode"], effect["download_mode_from"]) == (2, rf"registry HKLM\{KEY}")


def test_without_a_policy_everything_is_the_default(windows: Run) -> None:
    """A policy key that is not there sets nothing."""
    done = windows("settings", "--format", "json")
    assert {row["origin"] for row in json.loads(done.stdout)["settings"].values()} == {"default"}
