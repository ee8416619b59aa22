"""What ``doctl teredo`` concludes, over a scripted network and from what servers would have told."""

import asyncio
import json

import pytest

from doctl.checks import teredo
from doctl.checks.ports import teredo as port
from doctl.endpoints import Address
from doctl.errors import LocalError
from doctl.net.fake import FakeNetwork
from doctl.net.firewall import Ruling, Verdict
from doctl.net.probe import Outcome
from doctl.net.teredo import DOCUMENTED, Asked
from doctl.net.teredo_state import TeredoState
from doctl.report import Finding, Status
from doctl.settings import Origin, Settings, Value, layered
from doctl.wire.qualification import Ask, Nat, Result
from doctl.wire.teredo import Flaw
from tests.servers.teredo import Advertisement

PASS, WARN, FAIL, UNKNOWN, SKIP = Status.PASS, Status.WARN, Status.FAIL, Status.UNKNOWN, Status.SKIP
SERVER, SECOND = Address("192.0.2.1", 3544), Address("192.0.2.2", 3544)
OUTSIDE, ELSEWHERE = Address("203.0.113.9", 4000), Address("203.0.113.9", 4001)
TODAYS = "win1910.ipv6.microsoft.com"


def mode(number: int) -> Settings:
    """Return settings with a download mode."""
    return layered({"DODownloadMode": Value(number, Origin.OPTION, "a test")})


def checked(network: FakeNetwork, options: teredo.Options) -> list[Finding]:
    """Run the check and return its findings, whose facts must be JSON values."""
    found: list[Finding] = []
    asyncio.run(teredo.run(network, options, found.append))
    json.dumps([finding.facts for finding in found])
    return sorted(found, key=lambda finding: finding.id)


def told(
    nat: Nat | None,
    mapped: Address | None = OUTSIDE,
    mapped_second: Address | None = None,
    *,
    answered: tuple[Ask, ...] = (Ask.SERVER, Ask.SECOND),
    ignored: dict[Flaw, int] | None = None,
    rejected: Outcome | None = None,
) -> Asked:
    """Return what came of asking a server."""
    seconds = dict.fromkeys(answered, 0.0214)
    result = Result(nat, mapped, mapped_second, dict.fromkeys(Ask, 3), seconds, ignored or {})
    return Asked(Address(TODAYS, 3544), SERVER, SECOND, result, 4000, rejected)


CASES: list[tuple[Asked, Status, str, str]] = [
    (told(Nat.CONE), PASS, "cone", "203.0.113.9:4000 outside"),
    (told(Nat.RESTRICTED, mapped_second=OUTSIDE), PASS, "restricted", "203.0.113.9:4000 outside"),
    (told(Nat.SYMMETRIC, mapped_second=ELSEWHERE), FAIL, "symmetric", "RFC 6081"),
    (told(Nat.BLOCKED, None, answered=()), FAIL, "blocked", "neither of the server's addresses answered"),
    (told(Nat.BLOCKED, None, rejected=Outcome.REFUSED), FAIL, "blocked", "ICMP port unreachable"),
    (told(Nat.BLOCKED, None, rejected=Outcome.UNREACHABLE), FAIL, "blocked", "no way"),
    (told(Nat.BLOCKED, None, ignored={Flaw.PREFIX: 4, Flaw.NONCE: 2}), FAIL, "blocked", "6 datagrams that came"),
    (told(None, answered=(Ask.SERVER,)), UNKNOWN, "second_silent", "192.0.2.2:3544 does not answer"),
    (told(None, answered=(Ask.SECOND,)), UNKNOWN, "first_silent", "192.0.2.1:3544 does not answer"),
    (Asked(Address(TODAYS, 3544), problem="no address\x1b[31m"), FAIL, "dns_failed", "no address\\x1b[31m"),
    (Asked(Address(TODAYS, 3544), SERVER, problem="no time left"), UNKNOWN, "not_testable", "no time left"),
]


@pytest.mark.parametrize(("asked", "status", "reason", "words"), CASES)
def test_each_outcome_has_its_verdict(asked: Asked, status: Status, reason: str, words: str) -> None:
    """Status, reason and words of each; what is not right has a remedy, and blocked says that it is UDP."""
    finding = teredo.finding([asked], 1.0)
    assert (finding.status, finding.reason) == (status, reason)
    assert words in finding.summary
    assert bool(finding.remedy) is (status is not PASS)
    if reason == "blocked":
        assert "UDP, although older pages call it TCP" in finding.summary
    json.dumps(dict(finding.facts))


def test_facts_have_what_the_verdict_rests_on() -> None:
    """The promised ones, both views from outside, ports, tries, times and what was ignored."""
    asked = told(Nat.SYMMETRIC, mapped_second=ELSEWHERE, ignored={Flaw.LOOPED: 1})
    other = Asked(Address("old.test", 3544), problem="gone")
    assert teredo.finding([asked, other], 1.0).facts == {
        "nat": "symmetric",
        "mapped": "203.0.113.9:4000",
        "server": "192.0.2.1:3544",
        "second": "192.0.2.2:3544",
        "protocol": "udp",
        "servers": [
            {"name": f"{TODAYS}:3544", "nat": "symmetric", "problem": ""},
            {"name": "old.test:3544", "nat": None, "problem": "gone"},
        ],
        "mapped_second": "203.0.113.9:4001",
        "local_port": 4000,
        "port_preserved": True,
        "rejected": None,
        "tries": {"cone": 3, "server": 3, "second": 3},
        "seconds": {"server": 0.021, "second": 0.021},
        "ignored": {"looped": 1},
    }


def test_the_documented_servers_are_asked_in_turn() -> None:
    """Today's first; the first that has an address is asked, and the target is the one that told most."""
    network = FakeNetwork(names={"win1901.ipv6.microsoft.com": ["192.0.2.1"]}, udp=cone)
    (finding,) = checked(network, teredo.Options(asked_for=True, timeout=0.3))
    assert [address.host for address in DOCUMENTED][:2] == [TODAYS, "win1901.ipv6.microsoft.com"]
    assert (finding.target, finding.reason) == ("win1901.ipv6.microsoft.com:3544", "cone")
    assert f"resolve {TODAYS}" in network.asked


def cone(data: bytes, to: Address) -> list[tuple[bytes, Address]]:
    """Answer as a server does to a machine behind nothing at all."""
    right = Advertisement(data[4:12], ("203.0.113.9", 49152), data[21:37], server="192.0.2.1").encode()
    return [(right, SECOND if data[29] == 0x80 or to == SECOND else SERVER)]


@pytest.mark.parametrize("number", [0, 1, 99, 100])
def test_modes_without_teredo_skip_with_a_word_why(number: int) -> None:
    """In ``doctl check`` nobody is asked, and the reason names the mode and where it comes from."""
    network = FakeNetwork(platform="win32", teredo=LocalError("not asked"))
    (finding,) = checked(network, teredo.Options(settings=mode(number)))
    assert (finding.status, finding.reason) == (SKIP, "not_needed")
    assert f"Download mode {number} (" in finding.summary
    assert "from a test" in finding.summary
    assert network.asked == []


@pytest.mark.parametrize("number", [2, 3])
def test_modes_with_teredo_ask(number: int) -> None:
    """Group and Internet modes need it."""
    network = FakeNetwork(names={TODAYS: ["192.0.2.1"]}, udp=cone)
    (finding,) = checked(network, teredo.Options(settings=mode(number), timeout=0.3))
    assert finding.status is PASS


CLIENTS: list[tuple[TeredoState | LocalError, Status, str, str]] = [
    (TeredoState("default", "s.test", "unspecified", "qualified", nat="restricted"), PASS, "qualified", "restricted"),
    (TeredoState("client", "s.test", "unspecified", "dormant"), PASS, "dormant", "s.test"),
    (TeredoState("client", "s.test", "unspecified", "probe (primary server)"), WARN, "probe", "no answer yet"),
    (TeredoState("client", "s.test", "unspecified", "offline", error="无"), WARN, "offline", "无"),
    (TeredoState("disabled", "s.test", "unspecified", "offline", error="none"), WARN, "disabled", "1803"),
    (LocalError("netsh said nothing at all"), UNKNOWN, "not_told", "nothing at all"),
]


@pytest.mark.parametrize(("state", "status", "reason", "words"), CLIENTS)
def test_windows_own_client_is_shown_too(
    state: TeredoState | LocalError, status: Status, reason: str, words: str
) -> None:
    """On Windows a second finding has its state; an answer that says nothing is unknown, never a pass."""
    network = FakeNetwork(platform="win32", teredo=state, names={TODAYS: ["192.0.2.1"]}, udp=cone)
    client, qualified = checked(network, teredo.Options(asked_for=True, timeout=0.3))
    assert (client.id, client.status, client.reason) == ("teredo.client", status, reason)
    assert words in client.summary
    assert qualified.id == "teredo.qualify"
    assert client.facts.get("state") == (None if isinstance(state, LocalError) else state.state)


BLOCKING = (Ruling("nftables", Verdict.BLOCKED, "a rule"),)
PORTS: list[tuple[Asked, tuple[Ruling, ...], Status, str]] = [
    (told(Nat.CONE), (), PASS, "open"),
    (told(Nat.RESTRICTED), BLOCKING, PASS, "open"),
    (told(Nat.SYMMETRIC), (), WARN, "symmetric_nat"),
    (told(None, answered=(Ask.SERVER,)), (), WARN, "filtered"),
    (told(Nat.BLOCKED, None), (), FAIL, "filtered"),
    (told(Nat.BLOCKED, None, rejected=Outcome.REFUSED), (), FAIL, "refused"),
    (told(Nat.BLOCKED, None, rejected=Outcome.UNREACHABLE), (), FAIL, "unreachable"),
    (told(Nat.BLOCKED, None), BLOCKING, FAIL, "blocked_by_local_firewall"),
    (Asked(Address(TODAYS, 3544), problem="no address"), (), FAIL, "dns_failed"),
    (Asked(Address(TODAYS, 3544), SERVER, problem="no time"), (), UNKNOWN, "not_testable"),
]


@pytest.mark.parametrize(("asked", "rulings", "status", "reason"), PORTS)
def test_the_port_is_judged_by_what_the_server_saw(
    asked: Asked, rulings: tuple[Ruling, ...], status: Status, reason: str
) -> None:
    """``ports.3544.teredo`` takes the port's own words, and says that older pages call it TCP."""
    finding = port.finding(asked, rulings, 1.0)
    assert (finding.id, finding.status, finding.reason) == ("ports.3544.teredo", status, reason)
    assert finding.summary.startswith("UDP 3544 (older pages call it TCP): ")
    assert finding.facts["protocol"] == "udp"
    assert bool(finding.remedy) is (status is not PASS)
    json.dumps(dict(finding.facts))


@pytest.mark.parametrize(("number", "look"), [(1, "not_needed"), (2, "open"), (3, "open")])
def test_the_port_is_tried_only_where_the_mode_needs_it(number: int, look: str) -> None:
    """In LAN mode nobody is asked, not even the firewall, and the finding says why."""
    network = FakeNetwork(names={TODAYS: ["192.0.2.1"]}, udp=cone)
    finding = asyncio.run(port.look(network, mode(number), 0.3))
    assert finding.reason == look
    assert bool(network.asked) is (number != 1)
    if number == 1:
        assert finding.status is SKIP
        assert "download mode 1 (LAN, from a test) uses no Teredo" in finding.summary
