"""``doctl teredo`` against Debian's miredo-server, from behind real NATs: right every time."""

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from doctl.net.teredo import DOCUMENTED
from tests import namespaces, need
from tests.integration.commands import DOCTL
from tests.servers import miredo

RUNS = 10
QUICK = "1.5"
OUTSIDE = "198.51.100.{number}"
"""The addresses of NATs on the Internet of the test."""
PLAIN = "chain post { type nat hook postrouting priority srcnat; ip daddr 192.0.2.0/24 masquerade; };"
RANDOM = PLAIN.replace("masquerade;", "masquerade fully-random;")
LET_IN = (
    "chain pre { type nat hook prerouting priority dstnat; ip daddr $outside udp dport 1024-65535 dnat to $inside; };"
)


def forwarding(rule: str) -> str:
    """Return the chain that puts packets on their way by ``rule``."""
    return f"chain forward {{ type filter hook forward priority filter; {rule}; }};"


CUT_OFF = forwarding("ip daddr 192.0.2.2 drop; ip saddr 192.0.2.2 drop")


@dataclass(frozen=True)
class Case:
    """A NAT, as rules of nftables, and what doctl must find behind it."""

    rules: str
    nat: str | None
    status: str
    reason: str
    rejected: str | None = None


CASES = {
    "restricted": Case(PLAIN, "restricted", "pass", "restricted"),
    "symmetric": Case(RANDOM, "symmetric", "fail", "symmetric"),
    "cone": Case(PLAIN + LET_IN, "cone", "pass", "cone"),
    "blocked": Case(PLAIN + forwarding("udp dport 3544 drop"), "blocked", "fail", "blocked"),
    "deaf": Case(PLAIN + forwarding("udp sport 3544 drop"), "blocked", "fail", "blocked"),
    "refused": Case(PLAIN + forwarding("udp dport 3544 reject"), "blocked", "fail", "blocked", "refused"),
    "prohibited": Case(
        PLAIN + forwarding("udp dport 3544 reject with icmp type admin-prohibited"),
        "blocked",
        "fail",
        "blocked",
        "unreachable",
    ),
    "cut-restricted": Case(PLAIN + CUT_OFF, None, "unknown", "second_silent"),
    "cut-symmetric": Case(RANDOM + CUT_OFF, None, "unknown", "second_silent"),
    "cut-cone": Case(PLAIN + LET_IN + CUT_OFF, None, "unknown", "second_silent"),
    "cut-first": Case(
        PLAIN + forwarding("ip daddr 192.0.2.1 drop; ip saddr 192.0.2.1 drop"), None, "unknown", "first_silent"
    ),
}
ASK = """
import asyncio, sys
from doctl.endpoints import Address
from doctl.net.system import SystemNetwork
from doctl.net.teredo import ask_in_turn

async def scenario():
    for _ in range(int(sys.argv[1])):
        asked = (await ask_in_turn(SystemNetwork(), [Address("192.0.2.1", 3544)], None, float(sys.argv[2])))[0]
        result = asked.result
        outside = result.mapped and result.mapped.host
        print([result.nat and str(result.nat), outside, asked.rejected and str(asked.rejected)], flush=True)

asyncio.run(scenario())
"""

World = dict[str, tuple[namespaces.Host, namespaces.Host]]
"""By the name of a case, its client and its NAT."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A Teredo server on the Internet, and a client behind each NAT."""
    need.program("nft")
    names = [f"{kind}{number}" for number in range(len(CASES)) for kind in ("nat", "pc")]
    with namespaces.lan("server", *names, ipv6=False) as (server, *hosts):
        server.run("ip", "address", "flush", "dev", "eth0")
        server.run("ip", "address", "add", f"{OUTSIDE.format(number=server.number)}/24", "dev", "eth0")
        miredo.start(server, tmp_path_factory.mktemp("miredo"))
        pairs = dict(zip(CASES, zip(hosts[::2], hosts[1::2], strict=True), strict=True))
        for name, (nat, client) in pairs.items():
            translate(nat, client, server, CASES[name].rules)
        yield {name: (client, nat) for name, (nat, client) in pairs.items()}


def translate(nat: namespaces.Host, client: namespaces.Host, server: namespaces.Host, rules: str) -> None:
    """Make ``nat`` the only way from ``client`` to ``server``."""
    outside = OUTSIDE.format(number=nat.number)
    off = [f"net.ipv4.conf.{device}.send_redirects=0" for device in ("all", "eth0")]
    nat.run("ip", "address", "add", f"{outside}/24", "dev", "eth0")
    nat.run("ip", "route", "add", "192.0.2.0/24", "via", OUTSIDE.format(number=server.number))
    nat.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", *off)
    nat.nft(f"define outside = {outside}; define inside = {client.ipv4}; table ip nat {{ {rules} }}")
    client.run("ip", "route", "add", "default", "via", nat.ipv4)


@pytest.mark.slow
def test_every_nat_is_told_right_ten_times(world: World) -> None:
    """Ten runs behind each NAT, all NATs at once: the same right answer each time, and the right address outside."""
    running = {name: client.start(DOCTL[0], "-c", ASK, str(RUNS), QUICK) for name, (client, _) in world.items()}
    for name, process in running.items():
        said, errors = process.communicate(timeout=100)
        case = CASES[name]
        outside = None if case.nat == "blocked" else OUTSIDE.format(number=world[name][1].number)
        answers = [ast.literal_eval(line) for line in said.splitlines()]
        assert (answers, errors) == ([[case.nat, outside, case.rejected]] * RUNS, ""), name


def test_the_command_says_so(world: World) -> None:
    """Through the real entry point: status, reason, facts and exit code behind each NAT."""
    command = (*DOCTL, "teredo", "--server", miredo.FIRST, "--timeout", QUICK, "--format", "json")
    running = {name: client.start(*command) for name, (client, _) in world.items()}
    for name, process in running.items():
        said, errors = process.communicate(timeout=100)
        case = CASES[name]
        (finding,) = json.loads(said)["findings"]
        assert (finding["id"], finding["status"], finding["reason"]) == ("teredo.qualify", case.status, case.reason)
        assert finding["facts"]["nat"] == case.nat
        assert (finding["facts"]["server"], finding["facts"]["second"]) == ("192.0.2.1:3544", "192.0.2.2:3544")
        assert finding["facts"]["rejected"] == case.rejected
        assert bool(finding["remedy"]) is (case.status != "pass")
        assert (process.returncode, errors) == ({"pass": 0, "fail": 1, "unknown": 3}[case.status], "")


PORTS = {
    "restricted": ("pass", "open"),
    "cone": ("pass", "open"),
    "symmetric": ("warn", "symmetric_nat"),
    "blocked": ("fail", "filtered"),
    "refused": ("fail", "refused"),
    "prohibited": ("fail", "unreachable"),
    "cut-restricted": ("warn", "filtered"),
}


@pytest.mark.parametrize("command", ["ports", "check"])
def test_ports_and_check_ask_in_modes_that_need_it(world: World, command: str) -> None:
    """In Group and Internet modes ``ports.3544.teredo`` is what a documented server saw, and says that it is UDP."""
    areas = ["ports", "teredo"] if command == "check" else ["--host", "localhost"]
    running = {}
    for number, name in enumerate(PORTS):
        client, _ = world[name]
        client.set_names({"win1910.ipv6.microsoft.com": miredo.FIRST})
        mode = {"DOCTL_DODOWNLOADMODE": "23"[number % 2]}
        running[name] = client.start(*DOCTL, command, *areas, "--timeout", "3", "--format", "json", env=mode)
    for name, process in running.items():
        said, _ = process.communicate(timeout=100)
        findings = {finding["id"]: finding for finding in json.loads(said)["findings"]}
        finding = findings["ports.3544.teredo"]
        assert (finding["status"], finding["reason"]) == PORTS[name], name
        assert "UDP 3544 (older pages call it TCP)" in finding["summary"]
        if command == "check":
            assert findings["teredo.qualify"]["facts"]["nat"] == CASES[name].nat


def test_silence_everywhere_ends_in_one_timeout(world: World) -> None:
    """In ``doctl check`` all servers together have the timeout, even where each name leads to a silent address."""
    client, _ = world["blocked"]
    client.set_names({address.host: f"192.0.2.{number}" for number, address in enumerate(DOCUMENTED, 1)})
    command = (*DOCTL, "check", "ports", "teredo", "--timeout", "3", "--format", "json")
    done = client.in_time(3 + 1, *command, env={"DOCTL_DODOWNLOADMODE": "2"})
    report = json.loads(done.stdout)
    findings = {finding["id"]: finding for finding in report["findings"]}
    assert report["duration_s"] >= 3
    assert findings["ports.3544.teredo"]["reason"] == "filtered"
    assert findings["teredo.qualify"]["reason"] == "blocked"
    problems = [each["problem"] for each in findings["teredo.qualify"]["facts"]["servers"]]
    assert [problem.partition(": ")[2] for problem in problems[1:]] == ["there was no time left to ask it"] * 5


def test_a_rule_of_this_machine_is_named(world: World) -> None:
    """Where the local firewall rejects it, that is the reason, and not the network."""
    client, _ = world["restricted"]
    client.set_names({"win1910.ipv6.microsoft.com": miredo.FIRST})
    table = "table inet block { chain out { type filter hook output priority filter; udp dport 3544 reject; }; }"
    client.nft(table)
    try:
        command = (*DOCTL, "ports", "--host", "localhost", "--timeout", "2", "--format", "json")
        done = client.run(*command, env={"DOCTL_DODOWNLOADMODE": "3"}, check=False)
    finally:
        client.nft("delete table inet block")
    findings = {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["ports.3544.teredo"]["reason"] == "blocked_by_local_firewall"


def test_a_public_address_without_nat_is_open(world: World, tmp_path: Path) -> None:
    """A machine that nothing translates is what RFC 4380 calls cone, and keeps its port."""
    with namespaces.lan("server", "pc", ipv6=False) as (server, client):
        server.run("ip", "address", "add", "198.51.100.1/24", "dev", "eth0")
        client.run("ip", "address", "flush", "dev", "eth0")
        client.run("ip", "address", "add", "198.51.100.2/24", "dev", "eth0")
        client.run("ip", "route", "add", "default", "via", "198.51.100.1")
        miredo.start(server, tmp_path)
        done = client.run(*DOCTL, "teredo", "--server", miredo.FIRST, "--timeout", QUICK, "--format", "json")
    facts = json.loads(done.stdout)["findings"][0]["facts"]
    assert (facts["nat"], facts["port_preserved"]) == ("cone", True)
    assert facts["mapped"].startswith("198.51.100.2:")
