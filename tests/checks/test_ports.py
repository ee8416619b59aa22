"""``doctl ports`` over a scripted network: what each answer of the outside comes to."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from doctl.checks import ports
from doctl.checks.ports import services
from doctl.endpoints import HOSTS, Address
from doctl.errors import FilteredError, LocalError, NameLookupError, RefusedError, UnreachableError
from doctl.net.fake import FakeConnection, FakeNetwork
from doctl.net.firewall import Ruling, Verdict
from doctl.net.listeners import Listening
from doctl.report import Finding, Status
from doctl.wire.reflection import ProbeAnswer, ProbeRequest, proof

PASS, WARN, FAIL, UNKNOWN, SKIP = Status.PASS, Status.WARN, Status.FAIL, Status.UNKNOWN, Status.SKIP
V4, V6 = "192.0.2.7", "2001:db8::7"
PEER = Address("peer.example", 7680)
HANDSHAKE = b"\x0eSwarm protocol" + bytes(60)


def checked(network: FakeNetwork, options: ports.Options | None = None) -> dict[tuple[str, str], Finding]:
    """Run the check and return its findings by id and target."""
    found: list[Finding] = []
    asyncio.run(ports.run(network, options or ports.Options(hosts=("host.example",)), found.append))
    by_name = {(finding.id, finding.target): finding for finding in found}
    assert len(by_name) == len(found)
    json.dumps([finding.facts for finding in found])  # facts are JSON values
    return by_name


LISTENERS: list[tuple[list[Listening] | LocalError, str, Status, str, str]] = [
    ([Listening("0.0.0.0", 4, "svchost.exe")], "win32", PASS, "open", "svchost.exe (pid 4) at 0.0.0.0"),
    ([Listening("::"), Listening("127.0.0.1")], "linux", PASS, "open", "at [::]"),
    ([Listening("127.0.0.1", 9, "python3")], "linux", WARN, "not_listening", "for this machine alone"),
    ([Listening("::1"), Listening("127.0.0.53")], "linux", WARN, "not_listening", "for this machine alone"),
    ([], "win32", FAIL, "not_listening", "Nobody listens"),
    ([], "linux", WARN, "not_listening", "Nobody listens"),
    (LocalError("no rights"), "darwin", UNKNOWN, "not_testable", "no rights"),
    ([Listening("0.0.0.0", 4, "\x1b[31mevil")], "linux", PASS, "open", "\\x1b[31mevil"),
]


@pytest.mark.parametrize(("listening", "platform", "status", "reason", "words"), LISTENERS)
def test_who_listens(
    listening: list[Listening] | LocalError, platform: str, status: Status, reason: str, words: str
) -> None:
    """Somebody, only on loopback, nobody (which only Windows fails for), and not to be told."""
    finding = checked(FakeNetwork(platform=platform, listening=listening))["ports.7680.listener", "*:7680"]
    assert (finding.status, finding.reason) == (status, reason)
    assert words in finding.summary
    assert bool(finding.remedy) is (status is not PASS)


NFT = Ruling("nftables", Verdict.BLOCKED, "the rules block it", ("inet f input: policy drop",), "inet f input")
IPTABLES = Ruling("iptables", Verdict.BLOCKED, "the rules block it", ("filter INPUT: policy DROP",), "filter INPUT")
UFW = Ruling("ufw", Verdict.BLOCKED, "the rules block it", ("Default: deny (incoming)",))
FIREWALLS: list[tuple[str, tuple[Ruling, ...], Status, str, str]] = [
    ("linux", (replace(NFT, verdict=Verdict.ALLOWED),), PASS, "open", ""),
    ("linux", (NFT,), FAIL, "blocked_by_local_firewall", "sudo nft insert rule inet f input tcp dport 7680 accept"),
    ("linux", (IPTABLES,), FAIL, "blocked_by_local_firewall", "-t filter -I INPUT -p tcp --dport 7680 -j ACCEPT"),
    ("linux", (IPTABLES, UFW), FAIL, "blocked_by_local_firewall", "sudo ufw allow 7680/tcp"),
    ("linux", (NFT, replace(UFW, tool="firewalld")), FAIL, "blocked_by_local_firewall", "--add-port=7680/tcp"),
    ("linux", (NFT, replace(UFW, verdict=Verdict.ALLOWED)), FAIL, "blocked_by_local_firewall", "sudo nft insert"),
    ("win32", (replace(UFW, tool="windows"),), FAIL, "blocked_by_local_firewall", "Enable-NetFirewallRule"),
    ("darwin", (replace(UFW, tool="socketfilterfw"),), FAIL, "blocked_by_local_firewall", "--setblockall off"),
    ("darwin", (replace(UFW, tool="pf"),), FAIL, "blocked_by_local_firewall", "/etc/pf.conf"),
    ("linux", (replace(NFT, verdict=Verdict.LIMITED),), WARN, "limited", "sudo nft insert rule"),
    ("linux", (replace(NFT, verdict=Verdict.UNKNOWN),), UNKNOWN, "not_testable", "sudo doctl ports"),
    ("win32", (replace(UFW, verdict=Verdict.UNKNOWN),), UNKNOWN, "not_testable", "As administrator"),
    ("linux", (), UNKNOWN, "not_testable", "sudo doctl ports"),
    ("linux", (replace(NFT, verdict=Verdict.UNKNOWN), IPTABLES), FAIL, "blocked_by_local_firewall", "iptables"),
]


@pytest.mark.parametrize(("platform", "rulings", "status", "reason", "remedy"), FIREWALLS)
def test_what_the_local_firewall_says(
    platform: str, rulings: tuple[Ruling, ...], status: Status, reason: str, remedy: str
) -> None:
    """One tool that blocks is enough, one that cannot be read leaves it open; the remedy is that tool's own command."""
    finding = checked(FakeNetwork(platform=platform, rulings=rulings))["ports.7680.firewall", "*:7680"]
    assert (finding.status, finding.reason) == (status, reason)
    assert remedy in finding.remedy
    assert bool(remedy) is bool(finding.remedy)
    assert all(ruling.tool in finding.summary for ruling in rulings[-1:] if ruling.verdict is Verdict.BLOCKED)


OPEN, CLOSED = FakeConnection(PEER, closes=True), RefusedError("no")
OUTBOUND: list[tuple[Any, Any, Status, str, str | None]] = [
    (OPEN, OPEN, PASS, "open", "consistent"),
    (FakeConnection(PEER, closes=False), None, PASS, "open", "consistent"),
    (FakeConnection(PEER, HANDSHAKE), None, PASS, "open", "confirmed"),
    (FakeConnection(PEER, HANDSHAKE[:5]), None, PASS, "open", "consistent"),
    (FakeConnection(PEER, b"SSH-2.0-x\r\n"), None, FAIL, "other_service", "other"),
    (FakeConnection(PEER, b"\x0eSwarm protokoll"), None, FAIL, "other_service", "other"),
    (FakeConnection(PEER, HANDSHAKE), FakeConnection(PEER, b"\x1b]0;x"), FAIL, "other_service", "other"),
    (CLOSED, None, FAIL, "refused", None),
    (FilteredError("no"), None, FAIL, "filtered", None),
    (UnreachableError("no"), None, FAIL, "unreachable", None),
    (OPEN, UnreachableError("no route"), PASS, "open", "consistent"),
    (OPEN, FilteredError("no"), WARN, "filtered", "consistent"),
    (CLOSED, OPEN, WARN, "refused", "consistent"),
    (CLOSED, FilteredError("no"), FAIL, "filtered", None),
    (CLOSED, UnreachableError("no"), FAIL, "refused", None),
    (None, OPEN, PASS, "open", "consistent"),
    (None, None, FAIL, "dns_failed", None),
]


@pytest.mark.parametrize(("over4", "over6", "status", "reason", "peer"), OUTBOUND)
def test_a_target(over4: Any, over6: Any, status: Status, reason: str, peer: str | None) -> None:
    """What comes of each family, and how whoever answers takes a handshake, make one finding; None is no address."""
    answers = {V4: over4, V6: over6}
    known = [address for address, answer in answers.items() if answer is not None]
    network = FakeNetwork(
        names={"peer.example": known or NameLookupError("peer.example: the name has no address")},
        hosts={Address(address, 7680): answers[address] for address in known},
    )
    finding = checked(network, ports.Options((PEER,), timeout=0.2))["ports.7680.outbound", "peer.example:7680"]
    assert (finding.status, finding.reason, finding.facts["peer"]) == (status, reason, peer)
    assert [finding.facts[family] == "no_address" for family in ("ipv4", "ipv6")] == [over4 is None, over6 is None]
    assert bool(finding.remedy) is (status is not PASS)
    assert "\x1b" not in finding.summary


def test_a_connection_is_greeted_once_and_closed() -> None:
    """A peer gets one handshake for a swarm that nobody has, alone, and the connection is closed."""
    connections = FakeConnection(PEER), FakeConnection(PEER)
    for connection in connections:
        checked(FakeNetwork(hosts={Address(V4, 7680): connection}), ports.Options((Address(V4, 7680),), timeout=0.2))
        assert connection.closed
        assert len(connection.sent) == 75
        assert connection.sent.startswith(b"\x0eSwarm protocol")
    assert connections[0].sent[23:55] != connections[1].sent[23:55]


def test_the_documented_hosts_are_tried_once_each() -> None:
    """The service on 443 and besides on 80, where 443 decides; content on 80; nothing retired, optional or sampled."""
    wanted = services.wanted(())
    assert services.Service("geo.prod.do.dsp.mp.microsoft.com", 443, also=80) in wanted
    assert services.Service("dl.delivery.mp.microsoft.com", 80) in wanted
    assert len(set(wanted)) == len(wanted)
    retired = {name for row in HOSTS if row.retired or row.optional for name in (row.pattern, *row.names)}
    assert not retired & {service.host for service in wanted}


@pytest.mark.parametrize(
    ("platform", "command"),
    [
        ("linux", "getent ahosts host.example"),
        ("win32", "Resolve-DnsName host.example"),
        ("darwin", "host host.example"),
    ],
)
def test_a_remedy_names_the_host_and_the_command_of_the_system(platform: str, command: str) -> None:
    """Of a name without an address the remedy is the look-up on this system; of a silent port, host and port."""
    options = ports.Options((Address("host.example", 7680),), hosts=("host.example",))
    nameless = FakeNetwork(platform=platform, names={"host.example": NameLookupError("none")})
    silent = FakeNetwork(
        platform=platform,
        names={"host.example": [V4]},
        hosts={Address(V4, port): FilteredError("no") for port in (80, 443, 7680)},
    )
    for name in ("ports.7680.outbound", "ports.80.http", "ports.443.service"):
        port = name.split(".")[1]
        target = (name, f"host.example:{port}")
        assert checked(nameless, options)[target].remedy.endswith(f"test: {command}")
        remedy = checked(silent, options)[target].remedy
        assert f"TCP {port}" in remedy
        assert "to host.example" in remedy


def test_the_port_of_a_service_decides_and_the_other_is_told() -> None:
    """A service host whose 443 is open passes, though 80 is refused; the other way round it fails."""
    host = "geo.prod.do.dsp.mp.microsoft.com"
    for decisive, besides in ((OPEN, CLOSED), (CLOSED, OPEN)):
        network = FakeNetwork(names={host: [V4]}, hosts={Address(V4, 443): decisive, Address(V4, 80): besides})
        found = checked(network, ports.Options(hosts=(host,)))
        finding = found["ports.443.service", f"{host}:443"]
        assert finding.status is (PASS if decisive is OPEN else FAIL)
        assert finding.facts["port_80"] == {"ipv4": "open" if besides is OPEN else "refused"}
        assert not any(id == "ports.80.http" for id, _ in found)


def test_teredo_is_not_tried_in_the_default_mode() -> None:
    """LAN mode has no use for it: a skip with a word why, whatever the local rules say."""
    finding = checked(FakeNetwork(rulings=(NFT,)))["ports.3544.teredo", "*:3544"]
    assert (finding.status, finding.reason) == (SKIP, "not_needed")
    assert "download mode 1 (LAN, from default)" in finding.summary


def inbound(network: FakeNetwork, url: str = "http://reflector.example:8080") -> Finding:
    """Return what the check finds with a reflector."""
    return checked(network, ports.Options(hosts=("h",), reflector=url, timeout=5))["ports.7680.inbound", "*:7680"]


class Web:
    """A scripted reflector, that notes what it was asked and connects back like the real one."""

    def __init__(self, outcome: str = "open", status: int = 200, body: bytes | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self.outcome, self.status, self.body = outcome, status, body
        self.caller = FakeConnection(Address(V4, 5000), bytes(32), closes=False)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        asked = ProbeRequest.decode(request.content)
        matched = None if asked.nonce is None or self.outcome != "open" else True
        body = ProbeAnswer(V4, asked.port, self.outcome, matched, 0.1).encode() if self.body is None else self.body
        return httpx.Response(self.status, stream=Body(body))


class Body(httpx.AsyncByteStream):
    """A body that has not been read yet."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def __aiter__(self) -> Any:
        yield self.data


def reflecting(web: Web, **changes: Any) -> FakeNetwork:
    """Return a network with a reflector in it."""
    names: dict[str, Any] = {"reflector.example": ["192.0.2.80"]}
    return FakeNetwork(**{"names": names, "web": web, "callers": [web.caller], **changes})


def test_without_a_reflector_inbound_is_skipped() -> None:
    """Nobody outside was asked: a skip, with what to do."""
    finding = checked(FakeNetwork())["ports.7680.inbound", "*:7680"]
    assert (finding.status, finding.reason) == (SKIP, "no_reflector")
    assert "--reflector URL" in finding.remedy


def test_the_reflector_is_asked_by_address_and_the_nonce_is_proved() -> None:
    """Each family's address is asked with the name as Host; a challenge that comes meanwhile gets its proof."""
    web = Web()
    network = reflecting(web, names={"reflector.example": ["192.0.2.80", "192.0.2.81", "2001:db8::80"]})
    finding = inbound(network)
    assert {str(request.url) for request in web.requests} == {
        "http://192.0.2.80:8080/probe",
        "http://[2001:db8::80]:8080/probe",
    }
    assert {request.headers["Host"] for request in web.requests} == {"reflector.example:8080"}
    nonces = {ProbeRequest.decode(request.content).nonce for request in web.requests}
    assert finding.facts["listener"] == "temporary"
    assert "listen [::]:7680" in network.asked
    assert [proof(nonce, bytes(32)) for nonce in nonces if nonce] == [bytes(web.caller.sent)]
    assert web.caller.closed


@pytest.mark.parametrize("listening", [[Listening("0.0.0.0")], LocalError("who knows")])
def test_where_somebody_listens_the_reflector_only_connects(listening: list[Listening] | LocalError) -> None:
    """With a service on 7680, or perhaps one, doctl does not listen there and sends no nonce."""
    web = Web()
    network = reflecting(web, listening=listening)
    assert inbound(network).status is PASS
    assert not [asked for asked in network.asked if asked.startswith("listen ")]
    assert ProbeRequest.decode(web.requests[0].content).nonce is None


def test_where_doctl_cannot_listen_the_reflector_only_connects() -> None:
    """Without the port, on either family, nothing is proved and nothing claimed."""
    web = Web("refused")
    taken = {Address(host, 7680): LocalError("taken") for host in ("::", "0.0.0.0")}
    finding = inbound(reflecting(web, taken=taken))
    assert (finding.status, finding.reason, finding.facts["listener"]) == (FAIL, "refused", "none")


SAID = ProbeAnswer(V4, 7680, "open", False, 0.1).encode()
REFLECTIONS: list[tuple[Web, Status, str, str]] = [
    (Web(), PASS, "open", "doctl answered for the time of the check"),
    (Web("refused"), FAIL, "refused", "refused over IPv4"),
    (Web("filtered"), FAIL, "filtered", "filtered over IPv4"),
    (Web("unreachable"), FAIL, "unreachable", "unreachable over IPv4"),
    (Web(body=SAID), FAIL, "other_service", "somebody else answers"),
    (Web(status=429, body=b"later"), UNKNOWN, "no_reflector", "too often"),
    (Web(status=400, body=b"came through a proxy \x1b[31m"), UNKNOWN, "no_reflector", "came through a proxy"),
    (Web(status=404, body=b""), UNKNOWN, "no_reflector", "HTTP status 404"),
    (Web(body=b"<html>"), UNKNOWN, "no_reflector", "not that of a reflector"),
    (Web(body=b"x" * 100_000), UNKNOWN, "no_reflector", "too long"),
]


@pytest.mark.parametrize(("web", "status", "reason", "words"), REFLECTIONS)
def test_what_the_reflector_says(web: Web, status: Status, reason: str, words: str) -> None:
    """Its outcomes are ours; that it refuses, or is none, is unknown and says so."""
    finding = inbound(reflecting(web))
    assert (finding.status, finding.reason) == (status, reason)
    assert words in finding.summary
    assert "\x1b" not in finding.summary
    assert bool(finding.remedy) is (status is not PASS)


def test_a_reflector_without_address_or_answer_is_unknown() -> None:
    """A name that does not resolve, and a server that does not answer, are unknown and not a failure of the port."""
    for network in (FakeNetwork(), FakeNetwork(names={"reflector.example": ["192.0.2.80"]})):
        finding = inbound(network)
        assert (finding.status, finding.reason) == (UNKNOWN, "no_reflector")


def test_a_block_by_the_own_firewall_is_the_first_remedy() -> None:
    """Where the outside finds nothing and the own rules block, the remedy is the own firewall's command."""
    finding = inbound(reflecting(Web("filtered"), rulings=(UFW,)))
    assert finding.remedy == "sudo ufw allow 7680/tcp"


@pytest.mark.parametrize("path", ["", "/", "/probe", "/doctl", "/doctl/", "/doctl/probe"])
def test_the_url_may_end_as_people_write_it(path: str) -> None:
    """With and without a slash, with and without the endpoint's own name."""
    web = Web()
    inbound(reflecting(web), f"http://reflector.example{path}")
    assert web.requests[0].url.path == ("/doctl/probe" if "doctl" in path else "/probe")


def test_everything_is_asked_at_once() -> None:
    """Thirty peers that stay silent cost the patience for one."""
    targets = tuple(Address(f"192.0.2.{n}", 7680) for n in range(1, 31))
    network = FakeNetwork(hosts={target: FakeConnection(target, closes=False) for target in targets})
    start = time.monotonic()
    found = checked(network, ports.Options(targets, timeout=0.3, hosts=("h",)))
    assert time.monotonic() - start < 4
    assert sum(1 for id, _ in found if id == "ports.7680.outbound") == len(targets)
