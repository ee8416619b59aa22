"""Windows' adapters on Windows' own CPython, under Wine: the calls really run, on adapters that Wine makes up."""

import json

import pytest

from tests.integration.conftest import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first run sets Wine up

SEE = """\
import asyncio, json
from doctl.errors import UnreachableError
from doctl.net.adapters import live, windows
from doctl.net.system import SystemNetwork
told = [[each.guid, each.alias, each.if_type, each.up] for each in windows.interfaces()]
adapters = [[a.name, a.kind, a.if_type, a.up, [str(each) for each in a.addresses]] for a in asyncio.run(live.read(30))]
try:
    route = asyncio.run(SystemNetwork().route("203.0.113.7", 30)).adapter
except UnreachableError:
    route = "nowhere"
print(json.dumps({"told": told, "described": windows.descriptions(), "adapters": adapters, "route": route}))
"""


def test_windows_tells_types_and_descriptions(windows_python: Run) -> None:
    """GetAdaptersAddresses gives GUID, alias and ifType, ifaddr descriptions, psutil addresses; a route fits them."""
    done = windows_python("-c", SEE)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    types = {if_type for _, _, if_type, _ in seen["told"]}
    assert 24 in types, "Wine's loopback"
    assert {guid for guid, _, _, _ in seen["told"]} <= set(seen["described"])
    assert all(guid.startswith("{") and guid.endswith("}") for guid, *_ in seen["told"])
    loopback = [adapter for adapter in seen["adapters"] if adapter[1] == "loopback"]
    assert any("127.0.0.1/8" in addresses for *_, addresses in loopback)
    assert {adapter[0] for adapter in seen["adapters"]} == {alias for _, alias, _, _ in seen["told"]}
    assert seen["route"] in {adapter[0] for adapter in seen["adapters"]} | {"nowhere"}


def test_the_vpn_check_runs_on_windows(windows: Run) -> None:
    """``doctl vpn`` judges the adapters of Windows and ends well."""
    done = windows("vpn", "--format", "json")
    assert done.returncode == 0, done.stderr
    findings = json.loads(done.stdout)["findings"]
    assert {finding["id"] for finding in findings} == {"vpn.adapter", "vpn.effect", "vpn.route"}
    assert any(finding["facts"].get("kind") == "loopback" for finding in findings)
