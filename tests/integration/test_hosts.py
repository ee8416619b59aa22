"""``doctl hosts`` against real servers and a real kernel's filters, a name server of its own, and a dead network."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from doctl.endpoints import TEST_FILE_BYTES, TEST_FILE_URL
from tests import namespaces, need
from tests.namespaces import Host
from tests.servers.forward_proxies import await_ports

DOCTL = (sys.executable, "-m", "doctl")
SERVICE = ".prod.do.dsp.mp.microsoft.com"
FILES = "dl.delivery.mp.microsoft.com"
NGINX = """
daemon off; pid {home}/nginx.pid; error_log {home}/error.log; user root;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c; uwsgi_temp_path {home}/d;
    scgi_temp_path {home}/e;
    server {{ listen 80 default_server; listen [::]:80 default_server; root {home}/www; }}
    server {{ listen 80; server_name download.windowsupdate.com; return 302 http://login.portal.test/; }}
    server {{ listen 80; server_name ctldl.windowsupdate.com; return 511; }}
    server {{ listen 10.99.0.106:443; return 200; }}
    server {{ listen 443 ssl default_server; listen [::]:443 ssl default_server; return 404;
              ssl_certificate {home}/microsoft.pem; ssl_certificate_key {home}/microsoft.pem; }}
    server {{ listen 443 ssl; server_name geover{service} tsfe.trafficshaping.dsp.mp.microsoft.com; return 404;
              ssl_certificate {home}/inspector.pem; ssl_certificate_key {home}/inspector.pem; }}
}}
"""
RULES = """
table inet filters {
    chain incoming {
        type filter hook input priority 0;
        ip daddr 10.99.0.103 tcp dport 443 drop
        ip daddr 10.99.0.104 tcp dport 443 reject with tcp reset
        ip daddr 10.99.0.105 reject with icmp type admin-prohibited
    }
}
"""
HOLE = """
table inet hole {
    chain everything {
        type filter hook prerouting priority -300
        iif eth0 meta l4proto { tcp, udp } drop
    }
}
"""
WATCH = """
table inet watch {
    chain out {
        type filter hook output priority 0
        meta l4proto tcp counter
        meta l4proto udp counter
    }
}
"""
RECORDS = {
    f"geo{SERVICE}": ["CNAME geo.cdn.test"],
    "geo.cdn.test": ["CNAME edge.cdn.test"],
    "edge.cdn.test": ["10.99.0.101", "fd99::101"],
    f"geover{SERVICE}": ["10.99.0.101"],
    "geo-prod.do.dsp.mp.microsoft.com": ["10.99.0.103"],
    "geover-prod.do.dsp.mp.microsoft.com": ["10.99.0.104"],
    f"cp501{SERVICE}": ["10.99.0.105"],
    f"kv501{SERVICE}": ["10.99.0.103", "fd99::101"],
    f"disc501{SERVICE}": ["10.99.0.106"],
    "tsfe.trafficshaping.dsp.mp.microsoft.com": ["10.99.0.101"],
    FILES: ["10.99.0.101"],
    "download.windowsupdate.com": ["10.99.0.101"],
    "ctldl.windowsupdate.com": ["10.99.0.101"],
    "win1910.ipv6.microsoft.com": ["10.99.0.101"],
}
EXPECTED = {
    f"geo{SERVICE}": ("pass", "ok"),
    f"geover{SERVICE}": ("fail", "tls_intercepted"),
    "geo-prod.do.dsp.mp.microsoft.com": ("fail", "filtered"),
    "geover-prod.do.dsp.mp.microsoft.com": ("fail", "refused"),
    f"cp501{SERVICE}": ("fail", "unreachable"),
    f"kv501{SERVICE}": ("pass", "ok"),
    f"disc501{SERVICE}": ("fail", "tls_failed"),
    f"array501{SERVICE}": ("skip", "not_testable"),
    "tsfe.trafficshaping.dsp.mp.microsoft.com": ("fail", "tls_intercepted"),
    FILES: ("pass", "ok"),
    "download.windowsupdate.com": ("fail", "http_error"),
    "ctldl.windowsupdate.com": ("warn", "http_error"),
    "win1910.ipv6.microsoft.com": ("skip", "not_testable"),
    "*.emdl.ws.microsoft.com": ("skip", "retired"),
    "*.update.microsoft.com": ("skip", "not_testable"),
}


@dataclass(frozen=True)
class Net:
    """A machine with its own name server, and a server under many addresses."""

    client: Host
    server: Host

    def report(self, *arguments: str, seconds: float = 60) -> dict[str, Any]:
        """Run ``doctl hosts`` on the machine, which must end within ``seconds``, and return its report."""
        done = self.client.in_time(seconds, *DOCTL, "hosts", *arguments, "--format", "json")
        assert done.stderr == ""
        report: dict[str, Any] = json.loads(done.stdout)
        return report


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """Make the network; everything on it has started when a test begins."""
    with namespaces.lan("client", "server") as (client, server):
        home = tmp_path_factory.mktemp("server")
        file = home / "www" / TEST_FILE_URL.removeprefix(f"http://{FILES}/")
        file.parent.mkdir(parents=True)
        with file.open("wb") as out:
            out.truncate(TEST_FILE_BYTES)
        for name, organisation in (("microsoft", "Microsoft Corporation"), ("inspector", "Contoso TLS Inspection")):
            issued = trustme.CA(organization_name=organisation).issue_cert(f"geo{SERVICE}")
            issued.private_key_and_cert_chain_pem.write_to_path(home / f"{name}.pem")
        (home / "nginx.conf").write_text(NGINX.format(home=home, service=SERVICE))
        for number in range(101, 107):
            server.run("ip", "addr", "add", f"10.99.0.{number}/24", "dev", "eth0")
        server.run("ip", "addr", "add", "fd99::101/64", "dev", "eth0", "nodad")
        server.nft(RULES)
        server.start(need.program("nginx"), "-p", str(home), "-c", str(home / "nginx.conf"))
        names = client.start(sys.executable, "-m", "tests.servers.name_server", "127.0.0.1", json.dumps(RECORDS))
        assert names.stdout is not None
        assert names.stdout.readline() == "ready\n"
        await_ports(server, (80, 443))
        yield Net(client, server)


@pytest.fixture(scope="module")
def found(net: Net) -> dict[str, dict[str, Any]]:
    """Return the findings of one run by their target."""
    report = net.report("--timeout", "3")
    return {finding["target"]: finding for finding in report["findings"]}


@pytest.mark.parametrize("name", EXPECTED)
def test_real_servers_and_filters_are_told_apart(found: dict[str, dict[str, Any]], name: str) -> None:
    """Drops, resets, ICMP, opened TLS, portals, absent names and good servers each get their reason."""
    finding = found[name]
    assert (finding["status"], finding["reason"]) == EXPECTED[name], finding


def test_aliases_families_and_issuers_are_told(found: dict[str, dict[str, Any]]) -> None:
    """The chain of aliases, the outcome in each family, port 80 and the issuer are in the facts."""
    facts = found[f"geo{SERVICE}"]["facts"]
    assert facts["cname"] == ["geo.cdn.test", "edge.cdn.test"]
    assert {one["family"]: one["outcome"] for one in facts["addresses"]} == {"ipv4": "open", "ipv6": "open"}
    assert facts["issuer"] == "Microsoft Corporation"
    assert facts["trusted_here"] is False
    assert facts["port_80"] == "open"
    assert found[f"geover{SERVICE}"]["facts"]["issuer"] == "Contoso TLS Inspection"
    assert found[f"array501{SERVICE}"]["facts"]["dns_problem"].endswith("DNS has no such name")
    families = {one["family"]: one["outcome"] for one in found[f"kv501{SERVICE}"]["facts"]["addresses"]}
    assert families == {"ipv4": "filtered", "ipv6": "open"}
    assert found[FILES]["facts"]["status_code"] == 206


def test_a_named_host_is_looked_at_alone(net: Net) -> None:
    """With --host and no set that host alone is looked at, by its scheme and port."""
    report = net.report("--host", "http://10.99.0.101", "--host", f"https://{FILES}")
    assert {one["target"]: one["reason"] for one in report["findings"]} == {"10.99.0.101": "ok", FILES: "ok"}


def test_a_black_hole_ends_in_time(net: Net) -> None:
    """Where every packet is swallowed, name look-ups too, all is over within one timeout and a second."""
    net.client.set_name_server("10.99.0.2")
    net.client.nft(HOLE)
    try:
        report = net.report("--timeout", "2", seconds=3)
        net.client.set_names(dict.fromkeys((FILES, f"geo{SERVICE}"), "10.99.0.101"))
        named = {one["target"]: one["reason"] for one in net.report("--timeout", "2")["findings"]}
    finally:
        net.client.nft("delete table inet hole")
        net.client.set_names({})
        net.client.set_name_server("127.0.0.1")
    looked_at = {one["reason"] for one in report["findings"] if one["status"] != "skip"}
    assert looked_at == {"dns_failed"}
    problems = {one["facts"].get("dns_problem", "").partition(": ")[2] for one in report["findings"]}
    assert problems - {""} == {"no name server answered within 2 s"}
    assert report["status"] == "fail"
    assert (named[FILES], named[f"geo{SERVICE}"]) == ("filtered", "filtered")


def test_offline_sends_nothing(tmp_path: Path) -> None:
    """With --offline not a packet leaves the machine, no route is asked for, and the list is judged all the same."""
    allowlist = tmp_path / "list.txt"
    allowlist.write_text("\ufeff# ours\r\n.microsoft.com\r\n.windowsupdate.com\r\n", encoding="utf-8")
    with namespaces.lan("alone", "other") as (alone, other):  # where nothing of an earlier test is still on its way
        alone.nft(WATCH)
        report = Net(alone, other).report("--offline", "--set", "split-tunnel", "--allowlist", str(allowlist))
        rules = alone.run(need.program("nft"), "list", "table", "inet", "watch").stdout
    assert rules.count("packets 0 bytes 0") == 2
    assert report["status"] == "pass"
    assert {one["id"] for one in report["findings"]} == {"hosts.covered", "hosts.allowlist"}


WRONG = [
    (["--offline"], "--offline judges an allowlist"),
    (["--set", "everything"], "use service, metadata, payload, split-tunnel, teredo or all"),
    (["--allowlist", "/does/not/exist", "--offline"], "/does/not/exist cannot be read: No such file"),
    (["--host", "ftp://x"], "is not a host"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[row[1] for row in WRONG])
def test_wrong_use_is_one_line_and_exit_2(net: Net, arguments: list[str], message: str) -> None:
    """What makes no sense is said in one line, and nothing is looked at."""
    done = net.client.run(*DOCTL, "hosts", *arguments, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
