"""What doctl reads out of an nftables ruleset is what the kernel does with it: each is loaded, judged, and tried."""

import sys
from collections.abc import Iterator

import pytest

from doctl.net.firewall import Direction, Flow, Verdict, nftables
from tests import namespaces, need

PEERS = Flow("tcp", 7680, Direction.IN)
LISTENER = (sys.executable, "-m", "tests.servers.talkers")
TIMEOUT = {Verdict.ALLOWED: 20.0, Verdict.BLOCKED: 0.3}  # what is to come is waited for, however busy the machine is
HEAD = "table inet t {{ {} chain input {{ type filter hook input priority filter; policy {}; {}; }}; }};\n"


def input_chain(rules: str, policy: str = "drop", before: str = "") -> str:
    """Return a table with one input chain."""
    return HEAD.format(before, policy, rules)


SETS = (
    "set ports { type inet_service; flags interval; elements = { 22, 7000-8000 }; };"
    "set others { type inet_service; elements = { 22, 80 }; };"
    "map decided { type inet_service : verdict; elements = { 22 : drop, 7680 : accept }; };"
    "chain peers { tcp dport 7680 accept; };"
    "chain nothing { return; };"
    "chain back { tcp dport 7680 return; drop; };"
)
EARLY = "table {family} t {{ chain i {{ type filter hook prerouting priority raw; tcp dport 7680 drop; }}; }};\n"
CERTAIN = [
    input_chain("", "accept"),
    input_chain("", "drop"),
    input_chain("tcp dport 7680 accept"),
    input_chain("udp dport 7680 accept"),
    input_chain("tcp dport 22 accept"),
    input_chain("tcp dport { 22, 7680 } accept"),
    input_chain("tcp dport 7000-8000 accept"),
    input_chain("tcp dport != 7680 accept"),
    input_chain("tcp dport >= 1024 accept"),
    input_chain("tcp dport < 1024 accept"),
    input_chain("tcp dport @ports accept", before=SETS),
    input_chain("tcp dport @others accept", before=SETS),
    input_chain("tcp dport vmap @decided", before=SETS),
    input_chain("tcp dport vmap { 1-1000 : drop, 7680 : accept }"),
    input_chain("tcp dport vmap { 1-1000 : accept, 7680 : jump nothing }; drop", "accept", before=SETS),
    input_chain("jump peers; drop", "accept", before=SETS),
    input_chain("goto nothing; accept", "drop", before=SETS),
    input_chain("jump back; accept", "drop", before=SETS),
    input_chain("meta l4proto tcp accept"),
    input_chain("meta l4proto { udp, icmp } accept"),
    input_chain("meta l4proto tcp th dport 7680 accept"),
    input_chain("ct state established,related accept; ct state invalid drop; tcp dport 7680 ct state new accept"),
    input_chain("ct state vmap { established : accept, new : drop }", "accept"),
    input_chain("ct state != new accept; drop", "accept"),
    input_chain("ct state new accept"),
    input_chain('iifname "lo" accept'),
    input_chain('iifname != "lo" accept'),
    input_chain("tcp flags syn accept"),
    input_chain("tcp flags & (fin|syn|rst|ack) != syn drop", "accept"),
    input_chain("tcp flags & (fin|syn|rst|ack) == syn accept"),
    input_chain("fib daddr type local accept"),
    input_chain("fib daddr type != local drop", "accept"),
    input_chain("meta pkttype { broadcast, multicast } drop", "accept"),
    input_chain("tcp dport 7680 counter log reject with tcp reset", "accept"),
    input_chain("meta nfproto ipv4 tcp dport 7680 accept; meta nfproto ipv6 accept"),
    EARLY.format(family="ip") + EARLY.format(family="ip6"),
    input_chain("tcp dport 7680 accept") + input_chain("tcp dport 7680 reject", "accept").replace(" t ", " u "),
    input_chain("tcp dport 7680 drop", "accept").replace("table inet t {", "table inet t { flags dormant;"),
]
LIMITED = [
    input_chain("ip saddr 10.0.0.0/8 tcp dport 7680 accept"),
    input_chain('iifname "wlan0" tcp dport 7680 accept'),
    input_chain("tcp dport 7680 limit rate 10/second accept"),
    input_chain("ip saddr . tcp dport { 10.99.0.1 . 7680 } accept"),
    input_chain("meta nfproto ipv4 accept"),
]
UNKNOWN = [
    input_chain("meta mark 0x1 drop", "accept"),
    input_chain("tcp option maxseg size 1-500 drop", "accept"),
    input_chain("tcp dport 7680 meta length > 500 drop", "accept"),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[namespaces.Host, namespaces.Host]]:
    """Two hosts; on the second one somebody listens on 7680."""
    need.program("nft")
    with namespaces.lan("prober", "filtered") as (prober, filtered):
        namespaces.acquaint(prober, filtered)
        filtered.serve(*LISTENER, f"closes@{filtered.ipv4}@7680", f"closes@{filtered.ipv6}@7680")
        yield prober, filtered


def judged(host: namespaces.Host, rules: str) -> Verdict:
    """Load ``rules`` and return what doctl reads out of the kernel's listing of them."""
    host.nft(f"flush ruleset\n{rules}")
    listing = host.run("nft", "-j", "list", "ruleset").stdout
    return nftables.judge(listing, host.run("nft", "-a", "list", "ruleset").stdout, PEERS).verdict


@pytest.mark.parametrize("rules", CERTAIN)
def test_the_kernel_does_what_doctl_reads(pair: tuple[namespaces.Host, namespaces.Host], rules: str) -> None:
    """Where doctl says allowed a connection succeeds over both families, and where it says blocked over neither."""
    prober, filtered = pair
    verdict = judged(filtered, rules)
    reached = prober.reaches(7680, filtered.ipv4, filtered.ipv6, timeout=TIMEOUT[verdict])
    assert reached == [verdict is Verdict.ALLOWED] * 2


@pytest.mark.parametrize("rules", LIMITED)
def test_what_depends_on_the_sender_is_limited(pair: tuple[namespaces.Host, namespaces.Host], rules: str) -> None:
    """Rules about addresses, interfaces, rates or one family are understood, and let only some in."""
    assert judged(pair[1], rules) is Verdict.LIMITED


@pytest.mark.parametrize("rules", UNKNOWN)
def test_what_is_not_understood_and_may_decide_is_unknown(
    pair: tuple[namespaces.Host, namespaces.Host], rules: str
) -> None:
    """A rule that doctl cannot judge, and that would change the outcome, makes it unknown."""
    assert judged(pair[1], rules) is Verdict.UNKNOWN


@pytest.mark.parametrize("rules", UNKNOWN)
def test_what_is_not_understood_and_cannot_decide_does_no_harm(
    pair: tuple[namespaces.Host, namespaces.Host], rules: str
) -> None:
    """The same rules under a policy that does what they do change nothing."""
    assert judged(pair[1], rules.replace("policy accept", "policy drop")) is Verdict.BLOCKED
