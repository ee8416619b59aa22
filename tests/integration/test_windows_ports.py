"""``doctl ports`` on Windows' own CPython, under Wine, whose PowerShell says nothing."""

import json

import pytest

from tests.integration.conftest import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run sets Wine up


def test_an_empty_answer_of_powershell_is_unknown(windows: Run) -> None:
    """The firewall is unknown where PowerShell says nothing; the rest is looked at as anywhere."""
    done = windows("ports", "--format", "json", "--host", "localhost", "--target", "127.0.0.1:1", "--timeout", "20")
    found = {(one["id"], one["target"]): one for one in json.loads(done.stdout)["findings"]}
    firewall, outbound = found["ports.7680.firewall", "*:7680"], found["ports.7680.outbound", "127.0.0.1:1"]
    assert (firewall["status"], firewall["reason"]) == ("unknown", "not_testable")
    assert "PowerShell said nothing" in firewall["summary"]
    assert (outbound["status"], outbound["reason"]) == ("fail", "refused")
    assert found["ports.7680.listener", "*:7680"]["status"] in ("fail", "pass", "warn")
    assert done.returncode == 1
