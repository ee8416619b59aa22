"""``doctl ports`` as it is used, between hosts whose firewalls do to packets whatever firewalls do."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import namespaces, need
from tests.integration.commands import DOCTL, doctl

PASS, WARN, FAIL, UNKNOWN, SKIP = "pass", "warn", "fail", "unknown", "skip"
TALKERS = (DOCTL[0], "-m", "tests.servers.talkers")
REFLECTOR = (DOCTL[0], "-m", "tests.servers.reflector")
INPUT = "table inet t {{ chain input {{ type filter hook input priority filter; policy accept; {}; }}; }};\n"
REJECTS = [
    ("ipv4", "reject with icmp type host-unreachable", "unreachable"),
    ("ipv4", "reject with icmp type net-unreachable", "unreachable"),
    ("ipv4", "reject with icmp type prot-unreachable", "unreachable"),
    ("ipv4", "reject with icmp type host-prohibited", "unreachable"),
    ("ipv4", "reject with icmp type net-prohibited", "unreachable"),
    ("ipv4", "reject with icmp type admin-prohibited", "unreachable"),
    ("ipv4", "reject with icmp type port-unreachable", "refused"),
    ("ipv6", "reject with icmpv6 type no-route", "unreachable"),
    ("ipv6", "reject with icmpv6 type addr-unreachable", "unreachable"),
    ("ipv6", "reject with icmpv6 type admin-prohibited", "unreachable"),
    ("ipv6", "reject with icmpv6 type policy-fail", "unreachable"),
    ("ipv6", "reject with icmpv6 type reject-route", "unreachable"),
    ("ipv6", "reject with icmpv6 type port-unreachable", "refused"),
    ("ipv4", "reject with tcp reset", "refused"),
    ("ipv6", "reject with tcp reset", "refused"),
    ("ipv4", "drop", "filtered"),
    ("ipv6", "drop", "filtered"),
]
"""How a firewall can turn a connection away, over which family, and the reason that doctl must find."""


def worst(*reasons: str) -> str:
    """Return the reason that counts where no family is open."""
    return next(reason for reason in ("filtered", "refused", "unreachable") if reason in reasons)


Findings = dict[tuple[str, str], dict[str, Any]]


def read(report: str) -> Findings:
    """Return the findings of a JSON report by id and target."""
    told = json.loads(report)
    assert (told["schema"], told["command"]) == ("doctl.report/1", "ports")
    return {(finding["id"], finding["target"]): finding for finding in told["findings"]}


def command(*arguments: str) -> tuple[str, ...]:
    """Return the command line; of the documented hosts none is tried."""
    return (*DOCTL, "ports", "--format", "json", "--host", "localhost", *arguments)


def ports(host: namespaces.Host, *arguments: str) -> Findings:
    """Run ``doctl ports`` on ``host``, ahead of others so that what answers does so in time; return its findings."""
    done = host.run(*namespaces.ahead(), *command(*arguments), check=False)
    assert (done.returncode, done.stderr) == (1, "")  # localhost serves nothing, which is a failure
    return read(done.stdout)


def verdict(finding: dict[str, Any]) -> tuple[str, str]:
    """Return status and reason."""
    return finding["status"], finding["reason"]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[namespaces.Host, namespaces.Host]]:
    """A client, and a server that turns connections to 9000 and up away in every way there is, and serves others."""
    need.program("nft")
    with namespaces.lan("client", "server") as (client, server):
        rules = [f"meta nfproto {family} tcp dport {9000 + n} {how}" for n, (family, how, _) in enumerate(REJECTS)]
        server.nft(INPUT.format("; ".join([*rules, "meta nfproto ipv6 tcp dport 7681 drop"])))
        served = [f"{what}@{server.ipv4}@{port}" for what, port in SERVED.items()]
        served += [f"silent@{address}@{port}" for address in (server.ipv4, server.ipv6) for port in (7680, 7681)]
        served += [f"silent@{server.ipv4}@80", f"silent@{server.ipv6}@443", f"silent@{server.ipv6}@7682"]
        server.serve(*TALKERS, *served, "silent@127.0.0.1@7700")
        client.set_names({"both.example": f"{server.ipv4} {server.ipv6}", "only6.example": server.ipv6})
        yield client, server


SERVED = {"closes": 7690, "ssh": 7691, "http": 7692, "peer": 7693}


def test_every_way_of_turning_away_is_told_apart(pair: tuple[namespaces.Host, namespaces.Host]) -> None:
    """Each ICMP kind, a TCP reset and a drop get their reason over their family, all in one run of one timeout."""
    client, server = pair
    hosts = {"ipv4": server.ipv4, "ipv6": f"[{server.ipv6}]"}
    targets = [f"{hosts[family]}:{9000 + n}" for n, (family, _, _) in enumerate(REJECTS)]
    found = ports(client, "--timeout", "3", *(word for target in targets for word in ("--target", target)))
    for target, (family, how, reason) in zip(targets, REJECTS, strict=True):
        finding = found["ports.7680.outbound", target]
        assert (verdict(finding), finding["facts"][family]) == ((FAIL, reason), reason), how
        assert finding["remedy"]


OUTBOUND: list[tuple[str, tuple[str, str], dict[str, object]]] = [
    ("both.example", (PASS, "open"), {"ipv4": "open", "ipv6": "open", "peer": "consistent"}),
    ("both.example:7681", (WARN, "filtered"), {"ipv4": "open", "ipv6": "filtered"}),
    ("both.example:7682", (WARN, "refused"), {"ipv4": "refused", "ipv6": "open"}),
    ("only6.example:7682", (PASS, "open"), {"ipv4": "no_address", "ipv6": "open"}),
    ("nowhere.example", (FAIL, "dns_failed"), {"ipv4": "no_address", "ipv6": "no_address", "peer": None}),
    ("10.99.0.2:7690", (PASS, "open"), {"peer": "consistent", "closed": True}),
    ("10.99.0.2:7691", (FAIL, "other_service"), {"peer": "other", "said": "SSH-2.0-OpenSSH_9.2\\r\\n"}),
    ("10.99.0.2:7692", (FAIL, "other_service"), {"peer": "other"}),
    ("10.99.0.2:7693", (PASS, "open"), {"peer": "confirmed"}),
    ("10.99.0.2:7700", (FAIL, "refused"), {"ipv4": "refused"}),
    ("10.99.0.99", (FAIL, "unreachable"), {"ipv4": "unreachable"}),
    ("192.0.2.1", (FAIL, "unreachable"), {"ipv4": "unreachable"}),
]


def test_targets_that_are_open_or_not_there(pair: tuple[namespaces.Host, namespaces.Host]) -> None:
    """Both families, one of them, names, silence, banners, a peer, a listener on loopback only, and nobody at all."""
    client, _ = pair
    arguments = [word for target, _, _ in OUTBOUND for word in ("--target", target)]
    found = ports(client, "--timeout", "4", *arguments)
    for target, expected, facts in OUTBOUND:
        finding = found["ports.7680.outbound", target if ":" in target else f"{target}:7680"]
        assert verdict(finding) == expected, target
        assert facts.items() <= finding["facts"].items(), target


def test_named_hosts_are_tried_on_80_and_443(pair: tuple[namespaces.Host, namespaces.Host]) -> None:
    """``--host`` tries both ports, and each address family is told."""
    client, _ = pair
    found = ports(client, "--timeout", "1", "--host", "both.example", "--host", "nowhere.example")
    assert verdict(found["ports.80.http", "both.example:80"]) == (WARN, "refused")
    assert verdict(found["ports.443.service", "both.example:443"]) == (WARN, "refused")
    assert found["ports.80.http", "both.example:80"]["facts"]["ipv4"] == "open"
    assert found["ports.443.service", "both.example:443"]["facts"]["ipv6"] == "open"
    assert verdict(found["ports.443.service", "nowhere.example:443"]) == (FAIL, "dns_failed")


TURNED_AWAY = {
    family: [(how, reason) for where, how, reason in REJECTS if where == family] for family in ("ipv4", "ipv6")
}
PAIRS = list(itertools.zip_longest(TURNED_AWAY["ipv4"], TURNED_AWAY["ipv6"], fillvalue=("drop", "filtered")))
SERVICE = ["silent@10.99.0.{n}@7680", "silent@fd99::{n}@7680"]
INBOUND: list[tuple[dict[str, str], str, list[str], tuple[str, str], dict[str, str]]] = [
    # what is done to each family, how the reflector is named, who listens, what must be found, each family's outcome
    ({}, "both", [], (PASS, "open"), {"ipv4": "open", "ipv6": "open"}),
    ({}, "both", SERVICE, (PASS, "open"), {"ipv4": "open", "ipv6": "open"}),
    ({}, "both", ["silent@127.0.0.1@7680"], (FAIL, "refused"), {"ipv4": "refused", "ipv6": "refused"}),
    ({"ipv4": "drop"}, "only6", [], (PASS, "open"), {"ipv6": "open"}),
    ({"ipv4": "drop"}, "both", [], (WARN, "filtered"), {"ipv4": "filtered", "ipv6": "open"}),
    *(
        ({"ipv4": how4, "ipv6": how6}, "both", [], (FAIL, worst(why4, why6)), {"ipv4": why4, "ipv6": why6})
        for (how4, why4), (how6, why6) in PAIRS
    ),
]


def test_inbound_through_a_reflector() -> None:
    """The reflector finds what outsiders would: open, and each way of being turned away, by family."""
    need.program("nft")
    with namespaces.lan("reflector", *(f"c{n}" for n in range(len(INBOUND)))) as (reflector, *clients):
        reflector.serve(*REFLECTOR, "8080", reflector.ipv4, reflector.ipv6)
        names = {"both": f"{reflector.ipv4} {reflector.ipv6}", "only6": reflector.ipv6}
        running = []
        for client, (rules, name, listeners, _, _) in zip(clients, INBOUND, strict=True):
            client.nft(
                INPUT.format("; ".join(f"meta nfproto {one} tcp dport 7680 {how}" for one, how in rules.items()))
            )
            client.set_names(names)
            if listeners:
                client.serve(*TALKERS, *(listener.format(n=client.number) for listener in listeners))
            running.append(client.start(*command("--timeout", "10", "--reflector", f"http://{name}:8080")))
        for client, process, case in zip(clients, running, INBOUND, strict=True):
            report, errors = process.communicate(timeout=100)
            assert errors == ""
            _of_inbound(read(report)["ports.7680.inbound", "*:7680"], client, case)


def _of_inbound(finding: dict[str, Any], client: namespaces.Host, case: tuple[Any, ...]) -> None:
    _, _, listeners, expected, outcomes = case
    assert verdict(finding) == expected, (case, finding["summary"])
    facts = finding["facts"]
    assert facts["listener"] == ("service" if listeners else "temporary")
    told = {family: facts[family] for family in ("ipv4", "ipv6") if family in facts}
    assert {family: one["outcome"] for family, one in told.items()} == outcomes, case
    for family, one in told.items():
        assert one["address"] == getattr(client, family)
        assert one["nonce_matched"] is (True if one["outcome"] == "open" and not listeners else None)


SWALLOW = "table inet t { chain i { type filter hook input priority filter; policy drop; iif lo accept; }; };\n"


def ports_of_documented_hosts(
    host: namespaces.Host, *arguments: str, prefix: tuple[str, ...] = ()
) -> tuple[Findings, int]:
    """Run ``doctl ports`` as it is without ``--host`` and return its findings and exit code."""
    done = host.run(*prefix, *DOCTL, "ports", "--format", "json", *arguments, check=False)
    assert done.stderr == ""
    return read(done.stdout), done.returncode


def test_a_black_hole_costs_one_timeout() -> None:
    """Where every packet is swallowed, names, targets and reflector together take one timeout, and the end is soon."""
    need.program("nft")
    with namespaces.lan("client", "hole") as (client, hole):
        hole.nft(SWALLOW)
        client.set_name_server(hole.ipv4)
        targets = [word for n in range(20) for word in ("--target", f"{hole.ipv4}:{8000 + n}")]
        targets += ["--target", f"[{hole.ipv6}]", "--target", "peer.example"]
        arguments = [*targets, "--reflector", f"http://{hole.ipv4}:8080", "--timeout", "2", "--format", "json"]
        done = client.in_time(2 + 1, *DOCTL, "ports", *arguments)
    found = read(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    reasons = {(id, finding["reason"]) for (id, _), finding in found.items()}
    assert ("ports.7680.outbound", "filtered") in reasons
    assert ("ports.7680.outbound", "dns_failed") in reasons
    assert ("ports.443.service", "dns_failed") in reasons
    assert verdict(found["ports.7680.inbound", "*:7680"]) == (UNKNOWN, "no_reflector")


def test_no_network_at_all() -> None:
    """Without any address every finding is clear, none passes that was not tested, and nothing crashes."""
    with namespaces.lan("alone", ipv4=False, ipv6=False) as (alone,):
        arguments = (
            "--target",
            "192.0.2.1",
            "--target",
            "[2001:db8::1]",
            "--reflector",
            "http://192.0.2.1",
            "--timeout",
            "2",
        )
        found, code = ports_of_documented_hosts(alone, *arguments)
    assert code == 1
    assert verdict(found["ports.7680.outbound", "192.0.2.1:7680"]) == (FAIL, "unreachable")
    assert verdict(found["ports.7680.outbound", "[2001:db8::1]:7680"]) == (FAIL, "unreachable")
    assert verdict(found["ports.7680.inbound", "*:7680"]) == (UNKNOWN, "no_reflector")
    passed = {id for (id, _), finding in found.items() if finding["status"] == PASS}
    assert passed <= {"ports.7680.firewall"}


WITHOUT_RIGHTS = {
    "root without capabilities": ("setpriv", "--bounding-set=-all", "--inh-caps=-all"),
    "nobody": ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
}


@pytest.mark.parametrize("prefix", WITHOUT_RIGHTS.values(), ids=WITHOUT_RIGHTS)
def test_without_rights_the_firewall_is_unknown(prefix: tuple[str, ...]) -> None:
    """Who may not read the rules is told so, with what to do; that alone makes the exit code 3."""
    need.program("setpriv")
    with namespaces.lan("client", "server") as (client, server):
        if client.run(*prefix, *DOCTL, "--version", check=False).returncode != 0:
            pytest.skip("the checkout is in a folder that nobody else may read")
        server.serve(*TALKERS, f"silent@{server.ipv4}@80", f"silent@{server.ipv4}@443")
        found, code = ports_of_documented_hosts(client, "--host", server.ipv4, prefix=prefix)
    firewall = found["ports.7680.firewall", "*:7680"]
    assert verdict(firewall) == (UNKNOWN, "not_testable")
    assert firewall["remedy"] == "sudo doctl ports"
    assert "needs root" in firewall["summary"]
    assert code == 3


def test_the_own_firewall_is_read_and_its_remedy_works() -> None:
    """A block is found with the rule that blocks, and the command that doctl shows does open the port."""
    need.program("nft")
    with namespaces.lan("client", "reflector") as (client, reflector):
        reflector.serve(*REFLECTOR, "8080", reflector.ipv4)
        client.nft(INPUT.format("tcp dport 7000-8000 counter drop"))
        arguments = ("--reflector", f"http://{reflector.ipv4}:8080", "--timeout", "3")
        before = ports(client, *arguments)
        blocked = before["ports.7680.firewall", "*:7680"]
        assert verdict(blocked) == (FAIL, "blocked_by_local_firewall")
        assert "tcp dport 7000-8000" in blocked["summary"]
        assert verdict(before["ports.7680.inbound", "*:7680"]) == (FAIL, "filtered")
        assert before["ports.7680.inbound", "*:7680"]["remedy"] == blocked["remedy"]
        client.run(*blocked["remedy"].removeprefix("sudo ").split())
        after = ports(client, *arguments)
        assert verdict(after["ports.7680.firewall", "*:7680"]) == (PASS, "open")
        assert verdict(after["ports.7680.inbound", "*:7680"]) == (PASS, "open")


def test_who_listens_is_told_with_its_process() -> None:
    """A service on every address passes with its name and process; one on loopback only is a warning."""
    with namespaces.lan("everywhere", "inside") as hosts:
        for host, address, expected in zip(
            hosts, ("0.0.0.0", "127.0.0.1"), ((PASS, "open"), (WARN, "not_listening")), strict=True
        ):
            host.serve(*TALKERS, f"silent@{address}@7680")
            finding = ports(host)["ports.7680.listener", "*:7680"]
            assert verdict(finding) == expected
            [listener] = finding["facts"]["listeners"]
            assert (listener["address"], listener["pid"]) == (address, host.processes[0].pid)
            assert "python" in listener["process"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--target", ""),
        ("--target", "host:port"),
        ("--target", "host:0"),
        ("--host", "host:81"),
        ("--host", "http://host"),
        ("--reflector", "host:8080"),
        ("--reflector", "ftp://host"),
        ("--reflector", "http://user@host"),
        ("--reflector", "http://host:99999"),
        ("--reflector", "http://[::1"),
        ("--timeout", "0"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: tuple[str, ...]) -> None:
    """What cannot be an address, a host or a reflector is said in one line, before anything is tried."""
    done = doctl("ports", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
