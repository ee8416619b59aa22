"""Every adapter of the inventory gets the right two answers, and settings, VPNs and boundary groups their effect."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from doctl.checks import vpn
from doctl.checks.vpn.clients import CLIENTS
from doctl.checks.vpn.verdict import both, judge, keyword_of
from doctl.errors import LocalError
from doctl.net.adapters import Adapter, Kind
from doctl.net.adapters.inventory import read_inventory
from doctl.net.fake import FakeNetwork
from doctl.report import Finding, Status
from doctl.settings import Boundary, Origin, Settings, Value, defaults, layered

ROWS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vpn_inventory.json").read_text("utf-8"))
ADAPTERS = read_inventory(json.dumps({"adapters": [row["adapter"] for row in ROWS]}).encode(), "inventory")
DEFAULT_KEYWORDS = defaults().words("DOVpnKeywords")


def setting(**values: int | str) -> Settings:
    """Return the defaults with ``values`` as options."""
    return layered({name: Value(value, Origin.OPTION, "test") for name, value in values.items()})


def effect(*adapters: Adapter, settings: Settings | None = None) -> Finding:
    """Return the finding on what ``adapters`` do together."""
    return list(vpn.findings(adapters, settings or defaults()))[-1]


def one(name: str) -> Adapter:
    """Return an adapter of the inventory by its name."""
    return next(adapter for adapter in ADAPTERS if adapter.name == name)


@pytest.mark.parametrize(
    ("row", "adapter"), list(zip(ROWS, ADAPTERS, strict=True)), ids=[adapter.name for adapter in ADAPTERS]
)
def test_no_wrong_verdict(row: Mapping[str, Any], adapter: Adapter) -> None:
    """Both answers for each adapter of the inventory are right, and each says why."""
    verdict = judge(adapter)
    assert verdict.is_vpn == row["is_vpn"], verdict
    assert (keyword_of(adapter, DEFAULT_KEYWORDS) is not None) == row["do_is_vpn"]
    assert verdict.evidence
    assert row["source"]


def test_the_inventory_is_broad() -> None:
    """At least sixty adapters are judged, of at least fifteen vendors, with every way in which the answers differ."""
    assert len(ROWS) >= 60
    assert len(CLIENTS) >= 15
    seen = [client for client in CLIENTS if any(client.name in judge(adapter).evidence[0] for adapter in ADAPTERS)]
    assert len(seen) >= 30
    assert {(row["is_vpn"], row["do_is_vpn"]) for row in ROWS} == {(a, b) for a in (True, False) for b in (True, False)}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_each_known_client_is_named(client: Any) -> None:
    """Every word of a client makes an adapter a VPN whatever its type, and the evidence names the client."""
    for word in client.words:
        verdict = judge(Adapter("x", description=f"Some {word.upper()} #2", kind=Kind.ETHERNET, if_type=6))
        assert verdict.is_vpn
        assert verdict.evidence[0].startswith(f"client: {client.name} (")


def test_an_adapter_finding_says_both_answers_and_what_to_set() -> None:
    """Where the answers agree it passes; where they differ it warns with the exact policy to set."""
    adapters = [
        one("Ethernet 2"),
        one("Ethernet 3"),
        one("Ethernet 30"),
        one("Ethernet 35"),
        one("VPN test bench"),
    ]
    found = {finding.target: finding for finding in vpn.findings(adapters, defaults()) if finding.id == "vpn.adapter"}
    assert {name: (finding.status, finding.reason) for name, finding in found.items()} == {
        "Ethernet 2": (Status.PASS, "vpn"),
        "Ethernet 3": (Status.WARN, "not_recognised"),
        "Ethernet 30": (Status.PASS, "not_vpn"),
        "Ethernet 35": (Status.WARN, "mistaken"),
        "VPN test bench": (Status.WARN, "mistaken"),
    }
    facts = found["Ethernet 3"].facts
    assert (facts["is_vpn"], facts["do_is_vpn"]) == (True, False)
    key = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\DeliveryOptimization"
    keywords = "VPN,Virtual Private Network,AnyConnect"
    assert found["Ethernet 3"].remedy == f'reg add "{key}" /v DOVpnKeywords /t REG_SZ /d "{keywords}" /f'
    assert found["Ethernet 35"].remedy == found["Ethernet 3"].remedy  # the policy has one list for all adapters
    assert "Rename the adapter" in found["VPN test bench"].remedy


def test_what_a_remedy_sets_makes_windows_right() -> None:
    """The keywords that a remedy sets make Windows' rule agree for the adapter in question."""
    for row, adapter in zip(ROWS, ADAPTERS, strict=True):
        finding = next(vpn.findings([adapter], defaults()))
        if "/d " in finding.remedy:
            keywords = finding.remedy.split('/d "')[1].split('"')[0].split(",")
            assert (keyword_of(adapter, keywords) is not None) == row["is_vpn"]


def test_what_is_advised_for_many_adapters_is_right_for_each() -> None:
    """One list of keywords fits all adapters of a machine, since each that is set replaces the one before."""
    names = ("VPN", "Secure", "Virtual Private Network")
    judged = [both(adapter, names) for adapter in ADAPTERS]
    words = vpn.better_keywords(judged, names)
    for row, adapter in zip(ROWS, ADAPTERS, strict=True):
        keyword = keyword_of(adapter, words)
        assert row["is_vpn"] == (keyword is not None) or (keyword is not None and keyword.field == "friendly name")


@pytest.mark.parametrize("name", ["Ethernet 3", "Ethernet 35"])
def test_the_effect_has_a_remedy_that_can_be_carried_out(name: str) -> None:
    """What is wrong for the machine as a whole has the command of the adapter that brings it about."""
    first, _, whole = vpn.findings([replace(one(name), up=True), LAN], defaults())
    assert whole.id == "vpn.effect"
    assert whole.status is Status.WARN
    assert whole.remedy == first.remedy
    assert whole.remedy.startswith("reg add ")


def test_elsewhere_a_remedy_is_marked_as_one_for_windows() -> None:
    """An adapter of another system gets the command with the word that it is Windows that it is for."""
    network = FakeNetwork(interfaces=(replace(one("Ethernet 3"), up=True),))
    found: list[Finding] = []
    asyncio.run(vpn.run(network, vpn.Options(), found.append))
    assert [finding.remedy.startswith("On Windows: reg add ") for finding in found[:2]] == [True, True]


def test_a_remedy_never_carries_a_name_that_could_end_the_command() -> None:
    """A description with quotes or control characters is shown cleaned and not put into a command."""
    evil = Adapter("e\x1b[31m", description='TUN" & calc.exe & "', kind=Kind.TUNNEL)
    finding = next(vpn.findings([evil], defaults()))
    assert finding.reason == "not_recognised"
    assert "calc" not in finding.remedy
    assert finding.target == "e\\x1b[31m"


def test_keywords_replace_the_list_of_windows() -> None:
    """DOVpnKeywords or --keyword replaces the default words and does not add to them."""
    settings = setting(DOVpnKeywords="anyCONNECT")
    found = list(vpn.findings([one("Ethernet 3"), one("Ethernet 8")], settings))
    assert [finding.facts["do_is_vpn"] for finding in found[:2]] == [True, False]


LAN = Adapter("lan", description="Realtek", kind=Kind.ETHERNET, if_type=6)
SECURE = Adapter("card", description="Secure Digital Host Controller", kind=Kind.ETHERNET, if_type=6)
OFF = Adapter("Ethernet 2", description="Cisco AnyConnect Secure Mobility", kind=Kind.ETHERNET, up=False)
VPN_ON, VPN_UNSEEN = one("Ethernet 2"), one("Ethernet 3")
IN_RANGE = read_inventory(
    b'{"adapters": [{"name": "v", "description": "Fortinet SSL VPN", "addresses": ["10.8.1.2/32"]}]}', "x"
)[0]
GROUP = Boundary((ip_network("10.8.0.0/16"),), 0, "VPN")
EFFECTS: list[tuple[str, tuple[Adapter, ...], Settings, str, tuple[bool, bool, bool, int]]] = [
    ("no vpn", (LAN,), defaults(), "no_vpn", (False, True, True, 1)),
    ("a vpn that is down", (LAN, OFF), defaults(), "no_vpn", (False, True, True, 1)),
    ("a vpn", (LAN, VPN_ON), defaults(), "uploads_suspended", (True, False, False, 1)),
    ("allowed", (VPN_ON,), setting(DOAllowVPNPeerCaching=1), "allowed_by_policy", (True, True, True, 1)),
    ("dns-sd", (VPN_ON,), setting(DORestrictPeerSelectionBy=2), "local_discovery", (True, False, True, 1)),
    ("unseen", (VPN_UNSEEN,), defaults(), "not_recognised", (True, True, True, 1)),
    ("mistaken", (SECURE,), defaults(), "mistaken", (False, False, False, 1)),
    ("mistaken and unseen", (SECURE, VPN_UNSEEN), defaults(), "mistaken", (True, False, False, 1)),
    ("http only", (LAN,), setting(DODownloadMode=0), "mode_without_peers", (False, False, False, 0)),
    ("group mode", (LAN,), setting(DODownloadMode=2), "no_vpn", (False, True, True, 2)),
    ("bypass", (LAN,), setting(DODownloadMode=100), "mode_without_peers", (False, False, False, 100)),
    ("boundary", (LAN, IN_RANGE), layered(Settings({}, (GROUP,))), "boundary_group", (True, False, False, 0)),
    ("outside", (LAN, VPN_ON), layered(Settings({}, (GROUP,))), "uploads_suspended", (True, False, False, 1)),
]


@pytest.mark.parametrize(
    ("adapters", "settings", "reason", "facts"), [row[1:] for row in EFFECTS], ids=[row[0] for row in EFFECTS]
)
def test_the_effect_follows_windows(
    adapters: tuple[Adapter, ...], settings: Settings, reason: str, facts: tuple[bool, bool, bool, int]
) -> None:
    """VPN, policies, download mode and boundary groups decide on uploads and peers as Windows has it."""
    finding = effect(*adapters, settings=settings)
    names = ("on_vpn", "uploads_allowed", "peering_allowed", "download_mode")
    assert finding.reason == reason
    assert tuple(finding.facts[name] for name in names) == facts
    assert finding.facts["why"]
    assert (finding.status is Status.WARN) == (reason in ("not_recognised", "mistaken"))


def test_the_cache_server_may_be_left_out_on_a_vpn() -> None:
    """DODisallowCacheServerDownloadsOnVPN drops the cache server on a VPN, and only there."""
    settings = setting(DODisallowCacheServerDownloadsOnVPN=1)
    assert effect(VPN_ON, settings=settings).facts["cache_server_allowed"] is False
    assert effect(LAN, settings=settings).facts["cache_server_allowed"] is True
    assert effect(VPN_ON).facts["cache_server_allowed"] is True


def test_a_machine_without_adapters_is_unknown() -> None:
    """Nothing to judge is no pass, and what could be done about it is said."""
    finding = effect()
    assert (finding.status, finding.reason) == (Status.UNKNOWN, "no_adapters")
    assert finding.remedy.startswith("See whether the system lists its adapters")


def test_run_asks_the_network_only_without_an_inventory() -> None:
    """The live adapters are asked for once, and not at all when an inventory is given."""
    network, found = FakeNetwork(interfaces=(LAN,)), list[Finding]()
    asyncio.run(vpn.run(network, vpn.Options(), found.append))
    assert [finding.id for finding in found] == ["vpn.adapter", "vpn.effect", "vpn.route"]
    assert network.asked == ["adapters"]
    asyncio.run(vpn.run(network, vpn.Options(inventory=(LAN,)), found.append))
    assert network.asked == ["adapters"]


def test_what_to_do_about_no_adapters_is_the_same_everywhere() -> None:
    """Commands are Windows' and said to be so elsewhere; where there is nothing to judge no such command is given."""
    found: list[Finding] = []
    asyncio.run(vpn.run(FakeNetwork(interfaces=()), vpn.Options(), found.append))
    assert [finding.remedy for finding in found if finding.id == "vpn.effect"] == [vpn.LOOK_FOR_ADAPTERS]


def test_adapters_that_cannot_be_read_are_said_to_be_so() -> None:
    """A system that does not list its adapters comes out as the error it is."""
    network = FakeNetwork(interfaces=LocalError("no rights"))
    with pytest.raises(LocalError, match="no rights"):
        asyncio.run(vpn.run(network, vpn.Options(), lambda finding: None))
