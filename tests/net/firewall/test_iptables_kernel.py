"""What doctl reads out of iptables' rules, of both kinds, is what the kernel does with them."""

import itertools
import sys
from collections.abc import Iterator

import pytest

from doctl.net.firewall import Direction, Flow, Verdict, decide, linux
from doctl.net.programs import Said
from tests import namespaces, need

PEERS = Flow("tcp", 7680, Direction.IN)
LISTENER = (sys.executable, "-m", "tests.servers.talkers")
ALLOWED, BLOCKED = Verdict.ALLOWED, Verdict.BLOCKED
TIMEOUT = {ALLOWED: 20.0, BLOCKED: 0.3}  # what is to come is waited for, however busy the machine is
RULES: list[tuple[list[str], Verdict]] = [
    ([], ALLOWED),
    (["-P INPUT DROP"], BLOCKED),
    (["-P INPUT DROP", "-A INPUT -p tcp --dport 7680 -j ACCEPT"], ALLOWED),
    (["-P INPUT DROP", "-A INPUT -p udp --dport 7680 -j ACCEPT"], BLOCKED),
    (["-A INPUT -p tcp -m multiport --dports 22,7000:8000 -j DROP"], BLOCKED),
    (["-A INPUT -p tcp -m multiport ! --dports 22,7680 -j DROP"], ALLOWED),
    (["-A INPUT -i lo -j ACCEPT", "-A INPUT ! -i lo -j REJECT"], BLOCKED),
    (["-N PEERS", "-A PEERS -j RETURN", "-A INPUT -j PEERS", "-A INPUT -p tcp --dport 7680 -j DROP"], BLOCKED),
    (["-N PEERS", "-A PEERS -p tcp --dport 7680 -j ACCEPT", "-A INPUT -g PEERS", "-P INPUT DROP"], ALLOWED),
    (["-A INPUT -m conntrack --ctstate NEW -p tcp --dport 7680 -m comment --comment 'no -j ACCEPT' -j DROP"], BLOCKED),
    (["-A INPUT -p tcp ! --syn -m conntrack --ctstate NEW -j DROP"], ALLOWED),
    (["-t raw -A PREROUTING -p tcp --dport 7680 -j DROP"], BLOCKED),
    (["-t mangle -A PREROUTING -p tcp --dport 7680 -j MARK --set-mark 1"], ALLOWED),
    (["-P INPUT DROP", "-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT"], ALLOWED),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[namespaces.Host, namespaces.Host]]:
    """Two hosts; on the second one somebody listens on 7680."""
    for program in ("iptables", "nft"):
        need.program(program)
    with namespaces.lan("prober", "filtered") as (prober, filtered):
        namespaces.acquaint(prober, filtered)
        filtered.serve(*LISTENER, f"closes@{filtered.ipv4}@7680", f"closes@{filtered.ipv6}@7680")
        yield prober, filtered


@pytest.mark.parametrize("variant", ["nft", "legacy"])
@pytest.mark.parametrize(("rules", "verdict"), RULES)
def test_the_kernel_does_what_doctl_reads(
    pair: tuple[namespaces.Host, namespaces.Host], variant: str, rules: list[str], verdict: Verdict
) -> None:
    """Where doctl says allowed a connection succeeds over both families, and where it says blocked over neither."""
    prober, filtered = pair
    load(filtered, variant, rules)
    answers = {
        name: asked(filtered, argv) for name, argv in linux.QUESTIONS.items() if name not in ("ufw", "firewalld")
    }
    rulings = linux.judge(answers, PEERS, root=True)
    assert decide(ruling.verdict for ruling in rulings) is verdict, rulings
    reached = prober.reaches(7680, filtered.ipv4, filtered.ipv6, timeout=TIMEOUT[verdict])
    assert reached == [verdict is ALLOWED] * 2


def load(host: namespaces.Host, variant: str, rules: list[str]) -> None:
    """Take all rules away, and load others for both families."""
    families = ("iptables", "ip6tables")
    clean = ("-P INPUT ACCEPT", "-F", "-X", "-t raw -F", "-t mangle -F")
    lines = ["nft flush ruleset"]
    lines += [f"{family}-legacy {line}" for family, line in itertools.product(families, clean)]
    lines += [f"{family}-{variant} {line}" for family, line in itertools.product(families, rules)]
    host.run("sh", "-ec", "\n".join(lines))


def asked(host: namespaces.Host, argv: tuple[str, ...]) -> Said:
    """Ask one of the tools on ``host``."""
    done = host.run(*argv, check=False)
    return Said(done.returncode, done.stdout, done.stderr)
