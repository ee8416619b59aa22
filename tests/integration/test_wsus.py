"""``doctl wsus`` as it is used: WSUS doubles on their real ports, a cloud service by TLS, nginx, and a fetch."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from doctl.checks import wsus
from doctl.output import Format
from doctl.report import Finding
from doctl.wire.wsus import parse_place
from tests import namespaces, need
from tests.integration.commands import DOCTL, fetched
from tests.offline import Offline
from tests.servers.cloud import KEY_VALUE_HOST
from tests.servers.nginx import nginx
from tests.servers.wsus import FILES, PAYLOAD, PAYLOAD_PATH

GEO_HOST = "geo.prod.do.dsp.mp.microsoft.com"
PASS, FAIL, SKIP, UNKNOWN = "pass", "fail", "skip", "unknown"
OK = (PASS, "ok")
ADDRESS = "10.99.0.{}"


@dataclass(frozen=True)
class Case:
    """A server's manners, how it is named to doctl, and what its findings must be: server, content, ranges."""

    manners: str
    url: str
    server: tuple[str, str]
    content: tuple[str, str]
    ranges: tuple[str, str]
    sentence: str = "Payloads from WSUS, peers coordinated by the cloud service."


PLAIN, SECURE = "http://{}:8530", "https://{}:8531"
CASES = {
    "good": Case("", PLAIN, OK, OK, OK),
    "by TLS": Case("", SECURE, OK, OK, OK),
    "a payload": Case("selfupdate=no", f"{PLAIN}{PAYLOAD_PATH}", OK, OK, OK),
    "a web server": Case("config=no", PLAIN, (FAIL, "not_wsus"), OK, OK, "Files from there, but no WSUS (not_wsus)"),
    "its pool stopped": Case("config=broken", PLAIN, (FAIL, "http_error"), OK, OK, "Files from there, but no WSUS"),
    "no content": Case(
        "content=missing", PLAIN, OK, (FAIL, "content_unavailable"), OK, "No payloads from WSUS (content_unavailable)"
    ),
    "no ranges": Case("ranges=ignored", PLAIN, OK, OK, (FAIL, "ranges_unsupported"), "only in one piece"),
    "short ranges": Case("ranges=short", PLAIN, OK, OK, (FAIL, "ranges_unsupported"), "only in one piece"),
    "HSTS": Case(
        "hsts=yes",
        SECURE,
        OK,
        (FAIL, "redirected_hsts"),
        (SKIP, "redirected_hsts"),
        "No payloads from WSUS (redirected",
    ),
    "8530 blocked": Case(
        "", SECURE, OK, (FAIL, "tcp_blocked"), (SKIP, "tcp_blocked"), "No payloads from WSUS (tcp_blocked)"
    ),
    "all blocked": Case(
        "", PLAIN, (FAIL, "tcp_blocked"), (FAIL, "tcp_blocked"), (SKIP, "tcp_blocked"), "No payloads from WSUS"
    ),
}
"""One for each verdict word, and for what it may be taken for."""
ADDRESSES = {name: ADDRESS.format(100 + number) for number, name in enumerate(CASES)}
DROP = """table inet t {{ chain input {{ type filter hook input priority filter;
ip daddr {half} tcp dport 8530 drop; ip daddr {all} tcp dport 8530 reject with tcp reset; }}; }}"""


@dataclass(frozen=True)
class World:
    """Three clients, which see three kinds of cloud service, and the certificate that they trust."""

    clients: dict[str, namespaces.Host]
    trust: Path

    def ask(self, urls: dict[str, str], client: str = "good") -> dict[str, dict[str, dict[str, Any]]]:
        """Run ``doctl wsus`` on each URL at once, and return the findings by id; the exit code must fit them."""
        host, env = self.clients[client], {"SSL_CERT_FILE": str(self.trust)}
        command = (*DOCTL, "wsus", "--timeout", "4", "--format", "json")
        running = {name: host.start(*command, url, env=env) for name, url in urls.items()}
        found = {}
        for name, process in running.items():
            said, errors = process.communicate(timeout=100)
            report = json.loads(said)
            assert (process.returncode, errors) == ({PASS: 0, "warn": 0, FAIL: 1, UNKNOWN: 3}[report["status"]], "")
            found[name] = {finding["id"]: finding for finding in report["findings"]}
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """WSUS servers on 8530 and 8531, each at an address of its own, and cloud services by TLS."""
    need.program("nft")
    home = tmp_path_factory.mktemp("wsus")
    authority, (trust, server_key, cloud_key) = (
        trustme.CA(),
        (home / name for name in ("ca.pem", "server.pem", "cloud.pem")),
    )
    authority.cert_pem.write_to_path(trust)
    issue = authority.issue_cert
    issue(*ADDRESSES.values()).private_key_and_cert_chain_pem.write_to_path(server_key)
    issue(GEO_HOST, KEY_VALUE_HOST).private_key_and_cert_chain_pem.write_to_path(cloud_key)
    kinds = ("good", "portal", "hidden", "none")
    with namespaces.lan("wsus", "cloud", *kinds, ipv6=False) as (server, cloud, *clients):
        for address in ADDRESSES.values():
            server.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        server.nft(DROP.format(half=ADDRESSES["8530 blocked"], all=ADDRESSES["all blocked"]))
        sites = [f"{ADDRESSES[name]}:{case.manners}" for name, case in CASES.items()]
        _start(server, "tests.servers.wsus", str(server_key), *sites)
        for number, (kind, client) in enumerate(zip(kinds[:-1], clients, strict=False)):
            address = ADDRESS.format(200 + number)
            cloud.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
            _start(cloud, "tests.servers.cloud", str(cloud_key), address, kind)
            client.set_names({GEO_HOST: address, KEY_VALUE_HOST: address})
        yield World(dict(zip(kinds, clients, strict=True)), trust)


def _start(host: namespaces.Host, *program: str) -> None:
    process = host.start(DOCTL[0], "-m", *program)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def test_each_verdict_word(world: World) -> None:
    """Each server gets its findings, on the ports of real ones, and one sentence of conclusion."""
    found = world.ask({name: case.url.format(ADDRESSES[name]) for name, case in CASES.items()})
    for name, case in CASES.items():
        seen = {id: (finding["status"], finding["reason"]) for id, finding in found[name].items()}
        expected = {"wsus.server": case.server, "wsus.content": case.content, "wsus.ranges": case.ranges}
        assert {id: seen[id] for id in expected} == expected, name
        assert seen["wsus.service"] == OK
        assert case.sentence in found[name]["wsus.conclusion"]["summary"], name


def test_8531_means_content_over_8530(world: World) -> None:
    """Of a server with TLS, metadata comes from 8531 and content from 8530, and it says so."""
    address = ADDRESSES["by TLS"]
    content = world.ask({"": SECURE.format(address)})[""]["wsus.content"]
    assert content["target"] == f"http://{address}:8530"
    assert content["facts"]["metadata_url"] == f"https://{address}:8531"
    assert "content comes over http" in content["summary"]


@pytest.mark.parametrize(("client", "fault"), [("portal", "captive_portal"), ("hidden", "no_address"), ("none", None)])
def test_without_the_cloud_service_there_are_no_peers(world: World, client: str, fault: str | None) -> None:
    """A portal, a hidden address, and no name at all: service_unreachable, and the sentence says which half is left."""
    found = world.ask({"": PLAIN.format(ADDRESSES["good"])}, client)[""]
    service = found["wsus.service"]
    assert (service["status"], service["reason"], service["facts"]["fault"]) == (FAIL, "service_unreachable", fault)
    assert found["wsus.content"]["status"] == PASS
    assert found["wsus.conclusion"]["summary"].startswith("Payloads from WSUS, no peers")


def test_a_certificate_that_nobody_vouches_for(world: World) -> None:
    """Without trust in the authority, the server is an HTTP error, and the service is intercepted."""
    client = world.clients["good"]
    url = SECURE.format(ADDRESSES["good"])
    done = client.run(*DOCTL, "wsus", url, "--format", "json", check=False, env={"SSL_CERT_FILE": ""})
    found = {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["wsus.server"]["reason"] == "http_error"
    assert "certificate is not trusted" in found["wsus.server"]["summary"]
    assert found["wsus.service"]["reason"] == "service_unreachable"
    assert "trustme" in found["wsus.service"]["facts"]["issuer"]


@pytest.mark.parametrize("wanted", Format)
def test_every_format_has_the_sentence(world: World, wanted: Format) -> None:
    """Whatever reads the report, it says what all comes to, on standard output alone."""
    env = {"SSL_CERT_FILE": str(world.trust)}
    url = PLAIN.format(ADDRESSES["no ranges"])
    done = world.clients["good"].run(*DOCTL, "wsus", url, "--format", wanted, check=False, env=env)
    assert (done.returncode, done.stderr) == (2 if wanted is Format.NAGIOS else 1, "")
    assert "ranges_unsupported" in done.stdout
    if wanted is not Format.PROMETHEUS:  # which has numbers and reasons
        assert "only in one piece" in " ".join(done.stdout.split())


def test_a_network_that_swallows_everything_takes_one_timeout(world: World) -> None:
    """Where no packet is answered, the whole ends a second after the timeout at the latest."""
    client = world.clients["none"]
    client.run("ip", "route", "add", "192.0.2.0/24", "via", ADDRESS.format(1))  # which forwards nothing
    client.set_names({GEO_HOST: "192.0.2.9"})
    done = client.in_time(2 + 1, *DOCTL, "wsus", "https://192.0.2.1:8531", "--timeout", "2", "--format", "json")
    report = json.loads(done.stdout)
    assert report["duration_s"] >= 2
    reasons = {finding["id"]: finding["reason"] for finding in report["findings"]}
    assert reasons["wsus.server"] == reasons["wsus.content"] == "tcp_blocked"
    assert reasons["wsus.service"] == "service_unreachable"
    assert {finding["status"] for finding in report["findings"]} == {FAIL, SKIP}


# nginx with a tree as WSUS has it


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make ``/Content`` and ``/SelfUpdate`` as on a WSUS server."""
    for path, data in FILES.items():
        file = tmp_path / "tree" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("directives", "ranges"), [("", OK), ("max_ranges 0;", (FAIL, "ranges_unsupported"))], ids=["ranges", "no ranges"]
)
@pytest.mark.parametrize("path", ["", PAYLOAD_PATH], ids=["wuident.cab", "a payload"])
def test_a_real_web_server_with_ranges_on_and_off(
    tree: Path, tmp_path: Path, directives: str, ranges: tuple[str, str], path: str
) -> None:
    """nginx serves the tree: its content is there, ranges are as configured, and it is no WSUS."""
    found: list[Finding] = []
    with nginx(tree, tmp_path / "home", directives) as web:
        place = parse_place(f"http://127.0.0.1:{web.plain}{path}")
        asyncio.run(wsus.run(Offline(), wsus.Options(place), found.append))
    seen = {finding.id: (finding.status, finding.reason) for finding in found}
    assert seen["wsus.content"] == OK
    assert seen["wsus.ranges"] == ranges
    assert seen["wsus.server"] == (FAIL, "not_wsus")


def test_a_payload_is_fetched_like_any_other_file(tree: Path, tmp_path: Path) -> None:
    """``doctl fetch`` of a WSUS content URL: in ranges, whole, and of the SHA-1 that is its name."""
    with nginx(tree, tmp_path / "home") as web:
        out = tmp_path / "payload.cab"
        result = fetched(web.url(PAYLOAD_PATH.lstrip("/")), "-o", out)
        requests = web.requests()
    assert (result["status"], result["bytes"], result["bytes_from"]["http"]) == (PASS, len(PAYLOAD), len(PAYLOAD))
    assert hashlib.sha1(out.read_bytes()).hexdigest().upper() == Path(PAYLOAD_PATH).stem
    assert any(" 206 " in line for line in requests)
