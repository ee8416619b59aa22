"""What each firewall tool prints, as recorded, comes to the right verdict with the right rule as evidence."""

import json
from pathlib import Path
from typing import Any

import pytest

from doctl.net.firewall import Direction, Flow, Ruling, Verdict, firewalld, linux, macos, nftables, pf, ufw, windows
from doctl.net.programs import Said

RECORDED = Path(__file__).parent / "recorded"
PEERS = Flow("tcp", 7680, Direction.IN)
TEREDO = Flow("udp", 3544, Direction.OUT)
SSH = Flow("tcp", 22, Direction.IN)
ALLOWED, BLOCKED, LIMITED, UNKNOWN = Verdict.ALLOWED, Verdict.BLOCKED, Verdict.LIMITED, Verdict.UNKNOWN


def recorded(name: str) -> str:
    """Return a recorded output."""
    return (RECORDED / name).read_text()


def answers(**files: str) -> dict[str, Said]:
    """What the tools of a Linux machine said; underscores in the names stand for dashes."""
    return {name.replace("_", "-"): Said(0, recorded(file) if file else "", "") for name, file in files.items()}


UFW = {"iptables": "ufw-iptables-save.txt", "ip6tables": "ufw-ip6tables-save.txt", "ufw": "ufw-active.txt"}
FIREWALLD = {"nft": "firewalld-nft.json", "nft_text": "firewalld-nft.txt", "firewalld": "firewalld-zones.txt"}
LINUX: list[tuple[dict[str, str], Flow, dict[str, tuple[Verdict, str]]]] = [
    (UFW, PEERS, {"iptables": (ALLOWED, "--dport 7680 -j ACCEPT"), "ufw": (ALLOWED, "7680/tcp ALLOW IN Anywhere")}),
    (UFW, TEREDO, {"iptables": (BLOCKED, "--dport 3544 -j DROP"), "ufw": (BLOCKED, "3544/udp DENY OUT Anywhere")}),
    (UFW, Flow("tcp", 7050, Direction.IN), {"iptables": (BLOCKED, "7000:7100"), "ufw": (BLOCKED, "DENY IN")}),
    (
        UFW,
        Flow("tcp", 2222, Direction.IN),
        {"iptables": (LIMITED, "ufw-user-limit-accept"), "ufw": (LIMITED, "LIMIT IN")},
    ),
    (UFW, Flow("tcp", 9999, Direction.IN), {"iptables": (BLOCKED, "policy DROP"), "ufw": (BLOCKED, "deny (incoming)")}),
    ({"iptables": "ufw-closed-iptables-save.txt"}, PEERS, {"iptables": (BLOCKED, "filter INPUT: policy DROP")}),
    ({"ufw": "ufw-inactive.txt", "iptables": ""}, PEERS, {}),
    (FIREWALLD, PEERS, {"nftables": (ALLOWED, "tcp dport 7680 accept"), "firewalld": (ALLOWED, "port 7680/tcp")}),
    (FIREWALLD, SSH, {"nftables": (ALLOWED, "tcp dport 22"), "firewalld": (UNKNOWN, "service ssh")}),
    (
        {"nft": "firewalld-nft-closed.json", "nft_text": "firewalld-nft.txt"},
        PEERS,
        {"nftables": (BLOCKED, "reject with icmpx admin-prohibited")},
    ),
    (
        {"nft": "nft-of-iptables.json", "nft_text": "", "iptables": "iptables-save.txt"},
        PEERS,
        {"nftables": (ALLOWED, ""), "iptables": (ALLOWED, "--dports 22,80,7000:8000")},
    ),
    ({"nft": "nft-of-iptables.json", "nft_text": ""}, PEERS, {"nftables": (UNKNOWN, "xt")}),
    ({"nft": "", "nft_text": ""}, PEERS, {"nftables": (UNKNOWN, "")}),
]


@pytest.mark.parametrize(("files", "flow", "expected"), LINUX)
def test_linux_tools(files: dict[str, str], flow: Flow, expected: dict[str, tuple[Verdict, str]]) -> None:
    """Every tool that is in use gives its own ruling, and quotes the rule that decides."""
    rulings = {ruling.tool: ruling for ruling in linux.judge(answers(**files), flow, root=True)}
    assert {tool: ruling.verdict for tool, ruling in rulings.items()} == {
        tool: verdict for tool, (verdict, _) in expected.items()
    }
    for tool, (_, words) in expected.items():
        assert words in "\n".join(rulings[tool].evidence)


def test_legacy_tables_beside_the_others_count_as_well() -> None:
    """What iptables of the old kind blocks is blocked, whatever the new kind allows; hidden, it is unknown."""
    files = {"iptables": "iptables-save-beside-legacy.txt", "iptables_legacy": "iptables-legacy-save.txt"}
    assert [one.verdict for one in linux.judge(answers(**files), PEERS, root=True)] == [ALLOWED, BLOCKED]
    warning = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them"
    hidden = {"iptables": Said(0, recorded("iptables-save-beside-legacy.txt"), warning)}
    assert [one.verdict for one in linux.judge(hidden, PEERS, root=True)] == [ALLOWED, UNKNOWN]


def test_without_rights_every_tool_of_linux_is_unknown() -> None:
    """A refusal, and an empty answer with exit code 0 to somebody without rights, are unknown and never allowed."""
    said = {
        "nft": Said(1, "", "Operation not permitted (you must be root)"),
        "nft-text": Said(1, "", "Operation not permitted (you must be root)"),
        "iptables": Said(4, "", "Could not fetch rule set generation id: Permission denied (you must be root)"),
        "iptables-legacy": Said(0, "", ""),
        "ufw": Said(1, "", "ERROR: You need to be root to run this script"),
        "firewalld": Said(252, "", "FirewallD is not running"),
    }
    rulings = linux.judge(said, PEERS, root=False)
    assert {one.tool for one in rulings} == {"nftables", "iptables", "ufw"}
    assert {(one.verdict, one.why) for one in rulings} == {(UNKNOWN, "reading the rules needs root")}


def test_a_linux_without_any_tool_is_unknown() -> None:
    """Where nothing can show the kernel's rules, nothing is known of them."""
    assert [one.verdict for one in linux.judge({}, PEERS, root=True)] == [UNKNOWN]


FIREWALLD_ZONE = """public (default, active)
  target: {target}
  interfaces: eth0
  sources: {sources}
  services: {services}
  ports: {ports}
  protocols: {protocols}
  rich rules: {rich}
"""
ZONES: list[tuple[dict[str, str], Verdict]] = [
    ({}, BLOCKED),
    ({"target": "ACCEPT"}, ALLOWED),
    ({"target": "%%REJECT%%"}, BLOCKED),
    ({"target": "novel"}, UNKNOWN),
    ({"ports": "22/tcp 7000-8000/tcp"}, ALLOWED),
    ({"ports": "7680/udp"}, BLOCKED),
    ({"services": "ssh dhcpv6-client"}, BLOCKED),
    ({"services": "our-own"}, UNKNOWN),
    ({"protocols": "tcp"}, ALLOWED),
    ({"rich": '\n\trule family="ipv4" port port="7680" protocol="tcp" accept'}, LIMITED),
    ({"rich": '\n\trule port port="7680" protocol="tcp" accept'}, ALLOWED),
    ({"rich": '\n\trule source address="10.0.0.0/8" port port="7680" protocol="tcp" accept'}, LIMITED),
    ({"rich": '\n\trule port port="7680" protocol="tcp" reject', "ports": "7680/tcp"}, BLOCKED),
    ({"rich": '\n\trule port port="7680" protocol="tcp" log level="info" accept'}, ALLOWED),
    ({"rich": '\n\trule service name="our-own" drop', "target": "ACCEPT"}, UNKNOWN),
    ({"rich": '\n\trule novel element="1" accept'}, UNKNOWN),
]


@pytest.mark.parametrize(("settings", "verdict"), ZONES)
def test_firewalld_zones(settings: dict[str, str], verdict: Verdict) -> None:
    """Ports, services, protocols, rich rules and the target of an active zone decide together."""
    given = {"target": "default", "sources": "", "services": "", "ports": "", "protocols": "", "rich": "", **settings}
    ruling = firewalld.judge(FIREWALLD_ZONE.format(**given), PEERS)
    assert ruling is not None
    assert ruling.verdict is verdict


def test_firewalld_zones_that_do_not_agree() -> None:
    """With one active zone that lets peers in and one that does not, it depends on the interface."""
    opened = FIREWALLD_ZONE.format(target="ACCEPT", sources="", services="", ports="", protocols="", rich="")
    closed = opened.replace("ACCEPT", "default").replace("public", "dmz")
    ruling = firewalld.judge(opened + "\n" + closed, PEERS)
    assert ruling is not None
    assert (ruling.verdict, ruling.why) == (LIMITED, "allowed in zone public, blocked in zone dmz")


UFW_ROWS = [
    ("7680/tcp                   ALLOW IN    Anywhere", ALLOWED),
    ("7680                       ALLOW IN    Anywhere                   # peers", ALLOWED),
    ("80,7000:8000/tcp           ALLOW IN    Anywhere", ALLOWED),
    ("7680/udp                   ALLOW IN    Anywhere", BLOCKED),
    ("7680/tcp                   ALLOW IN    10.0.0.0/8", LIMITED),
    ("10.0.0.1 7680/tcp          ALLOW IN    Anywhere", LIMITED),
    ("7680/tcp on eth0           ALLOW IN    Anywhere", LIMITED),
    ("7680/tcp on lo             ALLOW IN    Anywhere", BLOCKED),
    ("7680/tcp (Peers)           ALLOW IN    Anywhere", ALLOWED),
    ("Peers                      ALLOW IN    Anywhere", UNKNOWN),
    ("Anywhere                   ALLOW IN    Anywhere", ALLOWED),
    ("7680/tcp                   ALLOW OUT   Anywhere", BLOCKED),
    ("7680/tcp                   REJECT IN   Anywhere", BLOCKED),
    ("8080/tcp                   ALLOW IN    2001:db8::/32", BLOCKED),
]


@pytest.mark.parametrize(("row", "verdict"), UFW_ROWS)
def test_ufw_rows(row: str, verdict: Verdict) -> None:
    """Each form of a row in ``ufw status verbose``, for IPv4, on top of a default that denies."""
    head = "Status: active\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n\n"
    rows = row if verdict is BLOCKED else f"{row}\nAnywhere (v6)              ALLOW IN    Anywhere (v6)"
    ruling = ufw.judge(head + rows, PEERS)
    assert ruling is not None
    assert ruling.verdict is verdict


def windows_told(**changes: Any) -> dict[str, Any]:
    """Return what the script prints on a Windows as installed, with some of it changed."""
    return {**json.loads(recorded("windows-default.json")), **changes}


def windows_rule(**changes: Any) -> dict[str, Any]:
    """Return the rule that Delivery Optimization installs, with some of it changed."""
    told = json.loads(recorded("windows-default.json"))["Rules"]
    return {**next(rule for rule in told if rule["Name"] == "DeliveryOptimization-TCP-In"), **changes}


DOMAIN = windows_told()["Profiles"][0]
WINDOWS: list[tuple[dict[str, Any], Verdict, str]] = [
    ({}, ALLOWED, "DeliveryOptimization-TCP-In"),
    (json.loads(recorded("windows-closed.json")), BLOCKED, "DefaultInboundAction Block"),
    ({"Networks": []}, ALLOWED, "DeliveryOptimization-TCP-In"),
    ({"Networks": [None]}, ALLOWED, "DeliveryOptimization-TCP-In"),
    ({"Networks": ["Novel"]}, UNKNOWN, ""),
    ({"Profiles": []}, UNKNOWN, ""),
    ({"Rules": [windows_rule(Profile="Private, Public")]}, BLOCKED, ""),
    ({"Rules": [windows_rule(Profile="Domain, Private")]}, ALLOWED, ""),
    ({"Rules": [windows_rule(LocalPort=["RPC", "7000-8000"])]}, ALLOWED, "7000-8000"),
    ({"Rules": [windows_rule(LocalPort=["RPC"])]}, BLOCKED, ""),
    ({"Rules": [windows_rule(LocalPort=[""], RemotePort=[""], Protocol="Any")]}, ALLOWED, ""),
    ({"Rules": [windows_rule(LocalPort=["Any"], Protocol="Any", Service="Any", Program="Any")]}, ALLOWED, ""),
    ({"Rules": [windows_rule(RemoteAddress=["LocalSubnet"])]}, LIMITED, "DeliveryOptimization-TCP-In"),
    ({"Rules": [windows_rule(InterfaceType="Wireless")]}, LIMITED, ""),
    ({"Rules": [windows_rule(Authentication="Required")]}, LIMITED, ""),
    ({"Rules": [windows_rule(Service="termservice")]}, BLOCKED, ""),
    ({"Rules": [windows_rule(Service="DoSvc")]}, ALLOWED, ""),
    ({"Rules": [windows_rule(Service="Any", Program="C:\\x\\app.exe")]}, BLOCKED, ""),
    ({"Rules": [windows_rule(Package="S-1-15-2-1")]}, BLOCKED, ""),
    ({"Rules": [windows_rule(), windows_rule(Name="No", Action="Block")]}, BLOCKED, "Block: No"),
    ({"Rules": [windows_rule(Action="Novel")]}, UNKNOWN, ""),
    ({"Profiles": [{**DOMAIN, "Enabled": "False"}], "Rules": []}, ALLOWED, "Enabled False"),
    ({"Profiles": [{**DOMAIN, "AllowInboundRules": "False"}]}, BLOCKED, "AllowInboundRules"),
    ({"Profiles": [{**DOMAIN, "DefaultInboundAction": "Allow"}], "Rules": []}, ALLOWED, "DefaultInboundAction"),
    ({"Networks": ["Public", "Private"], "Rules": [windows_rule(Profile="Private")]}, LIMITED, ""),
]


@pytest.mark.parametrize(("changes", "verdict", "words"), WINDOWS)
def test_windows_rules(changes: dict[str, Any], verdict: Verdict, words: str) -> None:
    """Profiles, rules, their ports, programs and services decide; what blocks beats what allows."""
    ruling = windows.judge(json.dumps(windows_told(**changes)), PEERS)
    assert ruling.verdict is verdict
    assert words in "\n".join(ruling.evidence)


@pytest.mark.parametrize("text", ["", "  \r\n", "null", "[]", "{}", "not json", '{"Networks": 1}', "[" * 100_000])
def test_an_empty_or_strange_answer_of_powershell_is_unknown(text: str) -> None:
    """PowerShell that says nothing, as under Wine, or something else, lets nothing pass."""
    assert windows.judge(text, PEERS).verdict is UNKNOWN


def test_windows_outbound_default_allows_teredo() -> None:
    """Nothing is in the way of what goes out until a rule blocks the remote port."""
    told = windows_told(Rules=[])
    assert windows.judge(json.dumps(told), TEREDO).verdict is ALLOWED
    told["Rules"] = [
        windows_rule(Action="Block", Protocol="UDP", LocalPort=["Any"], RemotePort=["3544"], Service="Any")
    ]
    assert windows.judge(json.dumps(told), TEREDO).verdict is BLOCKED


def test_the_script_asks_for_the_flow() -> None:
    """The script names the direction and both spellings of the protocol, and has nothing left to fill in."""
    script = windows.script(TEREDO)
    assert "-Direction Outbound" in script
    assert "@('Any', 'UDP', '17')" in script
    assert "%" not in script.replace("% ", "")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Firewall is disabled. (State = 0)\nBlock all DISABLED!\n", ALLOWED),
        ("Firewall is enabled. (State = 1)\nFirewall has block all state set to disabled.\n", LIMITED),
        ("Firewall is enabled. (State = 1)\nFirewall has block all state set to enabled.\n", BLOCKED),
        ("Firewall is enabled. (State = 1)\nBlock all ENABLED!\n", BLOCKED),
        ("Firewall is blocking all non-essential incoming connections. (State = 2)\n", BLOCKED),
        ("", UNKNOWN),
    ],
)
def test_application_firewall_of_macos(text: str, verdict: Verdict) -> None:
    """The state and the block-all switch of the application firewall, in the words of several versions."""
    assert macos.judge(text).verdict is verdict


PF = [
    ("Status: Disabled for 0 days 00:01:02", "", PEERS, ALLOWED),
    ("", "", PEERS, UNKNOWN),
    ("Status: Enabled for 0 days", "", PEERS, ALLOWED),
    ("Status: Enabled for 0 days", recorded("pf-rules.txt"), PEERS, LIMITED),
    ("Status: Enabled for 0 days", recorded("pf-rules.txt"), TEREDO, BLOCKED),
    ("Status: Enabled for 0 days", recorded("pf-rules.txt"), Flow("tcp", 80, Direction.IN), BLOCKED),
    ("Status: Enabled for 0 days", recorded("pf-rules.txt"), SSH, LIMITED),
    ("Status: Enabled for 0 days", 'anchor "com.example/*" all', PEERS, UNKNOWN),
    ("Status: Enabled for 0 days", "block drop in proto tcp from any to any port != 22", PEERS, BLOCKED),
    ("Status: Enabled for 0 days", "block drop in on en0 all", PEERS, LIMITED),
    ("Status: Enabled for 0 days", "block drop in from <bad> to any", PEERS, LIMITED),
    ("Status: Enabled for 0 days", "block drop in novel all", PEERS, UNKNOWN),
    ("Status: Enabled for 0 days", "block drop in proto tcp from any to any port = x", PEERS, UNKNOWN),
]


@pytest.mark.parametrize(("info", "rules", "flow", "verdict"), PF)
def test_pf(info: str, rules: str, flow: Flow, verdict: Verdict) -> None:
    """In pf the last match decides unless a quick rule does; anchors and unknown words leave it open."""
    assert pf.judge(info, rules, flow).verdict is verdict


@pytest.mark.parametrize("text", ["", "null", "{}", '{"nftables": 1}', '{"nftables": [{"chain": {}}]}', "[" * 100_000])
def test_a_strange_answer_of_nft_is_unknown(text: str) -> None:
    """Output of another shape is unknown, and no crash."""
    assert nftables.judge(text, "", PEERS).verdict is UNKNOWN


def test_evidence_is_short_and_clean() -> None:
    """Rules with control characters, or endless ones, are quoted without harm."""
    text = (
        f'*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m comment --comment "\x1b[31m{"x" * 9999}" -j DROP\nCOMMIT\n'
    )
    [ruling] = linux.judge({"iptables": Said(0, text, "")}, PEERS, root=True)
    assert isinstance(ruling, Ruling)
    assert ruling.verdict is BLOCKED
    assert "\x1b" not in ruling.evidence[0]
    assert len(ruling.evidence[0]) < 400
