"""Each way in which a proxy breaks ranges gets its reason, and good proxies pass."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctl.checks.proxy import Options, run
from doctl.net.proxies.route import Choice
from doctl.net.system import SystemNetwork
from doctl.report import Finding, Status
from tests.servers import bad_proxy as bad
from tests.servers.bad_proxy import BadProxy, Fault
from tests.servers.nginx import Nginx, nginx

SIZE = 1_500_000
GOOD = (Status.PASS, "ok")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a file, a tiny one and a page."""
    folder = tmp_path_factory.mktemp("www")
    (folder / "file.bin").write_bytes(random.Random(7).randbytes(SIZE))
    (folder / "tiny.bin").write_bytes(b"tiny")
    (folder / "page.html").write_bytes(b"<p>text</p>" * 2000)
    return folder


@pytest.fixture(scope="module")
def origin(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """Run a good origin."""
    directives = """
        location /moved.bin { return 302 /file.bin; }
        location /elsewhere.bin { return 302 http://other.test/file.bin; }
        location /denied.bin { deny all; }
        location = /page { default_type text/html; return 200 "<p>a page</p>"; }
    """
    with nginx(folder, tmp_path_factory.mktemp("nginx"), directives) as server:
        yield server


def check(url: str, *, compare: bool = True, timeout: float = 5.0, **choice: object) -> dict[str, Finding]:
    """Run the check on the real network and return its findings by id."""
    found: list[Finding] = []
    options = Options((url,), Choice(**choice), compare, timeout)  # type: ignore[arg-type] # one of three options
    asyncio.run(run(SystemNetwork(), options, found.append))
    return {finding.id: finding for finding in found}


def ranges_through(fault: Fault, url: str, *, compare: bool = True, timeout: float = 5.0) -> Finding:
    """Check ``url`` through a proxy with ``fault``."""
    with BadProxy(fault) as proxy:
        return check(url, compare=compare, timeout=timeout, proxy=proxy.url)["proxy.range"]


FAULTS = [
    ("whole", bad.whole, "range_ignored"),
    ("whole from the second part on", bad.later(bad.whole, 3), "range_ignored"),
    ("elsewhere", bad.elsewhere, "range_wrong"),
    ("without Content-Range", bad.without_content_range, "range_wrong"),
    ("refuses ranges", bad.refuses_ranges, "range_wrong"),
    ("too long", bad.too_long, "range_wrong"),
    ("half the body", bad.short_body, "range_short"),
    ("half the length", bad.short_length, "range_short"),
    ("cuts at a size", bad.cuts(100_000), "range_short"),
    ("compresses", bad.compresses, "range_encoded"),
    ("multipart", bad.multipart, "range_joined"),
    ("joins neighbours", bad.joins, "range_joined"),
    ("unsteady total", bad.unsteady_total, "total_unstable"),
    ("another version for the second range", bad.later(bad.other_version, 3), "version_changed"),
    ("another version always", bad.other_version, "version_changed"),
    ("alters bytes", bad.altered, "content_altered"),
    ("wrong bytes under the right header", bad.as_asked_but_wrong, "content_altered"),
    ("credentials", bad.answers(407, proxy_authenticate="NTLM"), "auth_required"),
    ("credentials from the second part on", bad.later(bad.answers(407), 3), "auth_required"),
    ("forbidden", bad.answers(403), "forbidden"),
    ("for legal reasons", bad.answers(451), "forbidden"),
    ("not found by the proxy alone", bad.answers(404), "forbidden"),
    ("sign-in page", bad.answers(200, b"<html>sign in</html>", content_type="text/html"), "captive_portal"),
    ("sent to a sign-in page", bad.answers(302, location="http://login.test/"), "captive_portal"),
    ("login first", bad.answers(511), "captive_portal"),
    ("bad gateway", bad.answers(502), "unreachable"),
    ("gibberish", bad.raw(b"\x00\x01gibberish\r\n\r\n"), "unreachable"),
    ("closes without a word", bad.raw(b""), "unreachable"),
    ("endless header", bad.endless_header, "unreachable"),
    ("endless body", bad.endless_body, "range_ignored"),
]


@pytest.mark.parametrize(("fault", "reason"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_each_fault_has_its_reason(origin: Nginx, fault: Fault, reason: str) -> None:
    """What a proxy breaks is told apart, fails, and comes with something to do."""
    finding = ranges_through(fault, origin.url("file.bin"))
    assert (finding.status, finding.reason) == (Status.FAIL, reason), finding.summary
    assert finding.remedy
    assert finding.facts["direct"] == "ok"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (bad.without_etag, "version_changed"),
        (bad.another_etag, "version_changed"),
        (bad.later(bad.without_etag, 4), "version_changed"),
        (bad.ignores_conditions, "version_changed"),
        (bad.mistrusts_conditions, "range_ignored"),
    ],
    ids=["no ETag", "other ETag", "ETag now and then", "heeds no If-Range", "mistrusts If-Range"],
)
def test_what_downloads_survive_is_a_warning(origin: Nginx, fault: Fault, reason: str) -> None:
    """Where every byte is right and only the version or a condition suffers, that is a warning."""
    finding = ranges_through(fault, origin.url("file.bin"))
    assert (finding.status, finding.reason) == (Status.WARN, reason), finding.summary


@pytest.mark.parametrize("fault", [bad.passes, bad.hates_head, bad.whole_past_the_end, bad.escapes])
def test_a_good_proxy_passes(origin: Nginx, fault: Fault) -> None:
    """A proxy that passes everything on is good, also one that refuses HEAD only."""
    finding = ranges_through(fault, origin.url("file.bin"))
    expected = (Status.WARN, "version_changed") if fault is bad.escapes else GOOD  # its ETag is not the origin's
    assert (finding.status, finding.reason) == expected, finding.summary
    assert "\x1b" not in f"{finding.summary}{finding.facts}{finding.remedy}"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (bad.passes, "ok"),
        (bad.whole, "range_ignored"),
        (bad.later(bad.other_version, 3), "version_changed"),
        (bad.altered, "ok"),  # as nobody can tell without the original
        (bad.later(bad.altered, 4), "content_altered"),
        (bad.answers(404), "not_testable"),
    ],
    ids=["passes", "whole", "another version", "alters all alike", "alters some", "not found"],
)
def test_without_comparison_the_answers_speak_for_themselves(origin: Nginx, fault: Fault, reason: str) -> None:
    """Nothing is fetched directly when that is switched off; what the answers themselves show is found."""
    before = len(origin.requests())
    with BadProxy(fault) as proxy:
        finding = check(origin.url("file.bin"), compare=False, proxy=proxy.url)["proxy.range"]
        through = len(proxy.requests)
    assert finding.reason == reason, finding.summary
    assert finding.facts["direct"] == "not compared"
    assert len(origin.requests()) - before <= 2 * through  # a few faults ask the origin twice


def test_the_facts_are_those_of_the_answer(origin: Nginx) -> None:
    """A finding has the proxy, status, range, ETag, size and Via of the answer it rests on."""
    with BadProxy() as proxy:
        finding = check(origin.url("file.bin"), proxy=proxy.url)["proxy.range"]
        assert finding.facts["proxy"] == proxy.url
    assert finding.target == origin.url("file.bin")
    assert finding.facts["status_code"] == 206
    assert finding.facts["content_range"] == f"bytes 0-0/{SIZE}"
    assert finding.facts["total"] == SIZE
    assert finding.facts["via"] == "1.1 bad-proxy"
    assert str(finding.facts["etag"]).startswith('"')


@pytest.mark.parametrize(
    ("fault", "timeout", "expected"),
    [
        (bad.cuts(100_000, "stall"), 2.0, (Status.FAIL, "range_short")),
        (bad.later(bad.cuts(100, "stall"), 7), 2.0, (Status.FAIL, "range_short")),
        (bad.answers(200, then="stall", content_length="100"), 2.0, (Status.FAIL, "range_ignored")),
        (bad.endless_interim, 2.0, (Status.FAIL, "unreachable")),
        (bad.drips(20_000), 1.0, (Status.UNKNOWN, "not_testable")),
    ],
    ids=["stalls at a size", "stalls later", "stalls after the header", "never comes to the point", "slow"],
)
def test_time_is_bounded_and_slow_is_not_broken(
    origin: Nginx, fault: Fault, timeout: float, expected: tuple[Status, str]
) -> None:
    """Everything ends with the time given; a proxy that goes silent is told from one that is slow."""
    start = time.monotonic()
    finding = ranges_through(fault, origin.url("file.bin"), timeout=timeout)
    assert time.monotonic() - start < timeout + 10
    assert (finding.status, finding.reason) == expected, finding.summary


def test_a_server_that_cannot_be_reached_directly_is_no_failure(origin: Nginx) -> None:
    """Where the proxy is the only way out, that is said and nothing fails."""
    with BadProxy(bad.instead(origin.url("file.bin"))) as proxy:
        finding = check("http://127.0.0.1:1/file.bin", proxy=proxy.url)["proxy.range"]
    assert (finding.status, finding.reason) == GOOD
    assert finding.facts["direct"] == "unreachable"
    assert "directly they do not" in finding.summary


def test_a_proxy_that_is_not_there_is_unreachable(origin: Nginx) -> None:
    """A proxy nobody listens at, and one whose name has no address, fail as unreachable."""
    refused = check(origin.url("file.bin"), proxy="127.0.0.1:1")["proxy.range"]
    nameless = check(origin.url("file.bin"), proxy="proxy.invalid:3128")["proxy.range"]
    assert (refused.status, refused.reason) == (nameless.status, nameless.reason) == (Status.FAIL, "unreachable")
    assert "connection refused" in refused.summary
    assert "no address" in nameless.summary


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("file.bin", Status.PASS, "ok"),
        ("page.html", Status.PASS, "ok"),
        ("tiny.bin", Status.UNKNOWN, "not_testable"),
        ("nothing.bin", Status.UNKNOWN, "not_testable"),
        ("moved.bin", Status.UNKNOWN, "not_testable"),
        ("elsewhere.bin", Status.FAIL, "captive_portal"),
    ],
)
def test_without_a_proxy_the_server_itself_is_judged(origin: Nginx, name: str, status: Status, reason: str) -> None:
    """What is no range's fault, as a small file or one that has moved, is not testable, and never passes."""
    finding = check(origin.url(name))["proxy.range"]
    assert (finding.status, finding.reason) == (status, reason), finding.summary


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("moved.bin", "not_testable"),
        ("elsewhere.bin", "not_testable"),
        ("page", "not_testable"),
        ("denied.bin", "forbidden"),
    ],
)
def test_what_the_server_does_itself_is_not_blamed_on_the_proxy(origin: Nginx, name: str, reason: str) -> None:
    """A redirect or refusal that comes without the proxy as well is the server's own."""
    finding = ranges_through(bad.passes, origin.url(name))
    assert finding.reason == reason
    assert "It is the same without the proxy" in finding.summary


def test_a_broken_server_behind_a_good_proxy_is_named(folder: Path, tmp_path: Path) -> None:
    """Where the server ignores ranges the proxy is not blamed, and the remedy is the server's."""
    with nginx(folder, tmp_path / "nginx", "max_ranges 0;") as server:
        finding = ranges_through(bad.passes, server.url("file.bin"))
    assert (finding.status, finding.reason) == (Status.FAIL, "range_ignored")
    assert "the same without the proxy" in finding.summary
    assert "max_ranges" in finding.remedy


def test_credentials_never_show(origin: Nginx) -> None:
    """Credentials in the proxy's address or the URL go where they belong and into no finding."""
    with BadProxy(bad.answers(407)) as proxy:
        address = proxy.url.replace("//", "//me:secret@")
        url = origin.url("file.bin").replace("//", "//you:hidden@") + "?token=sealed"
        findings = check(url, proxy=address).values()
        assert all("proxy-authorization" in request.headers for request in proxy.requests)
    text = " ".join(map(str, findings))
    assert "***@" in text
    assert not any(word in text for word in ("secret", "hidden", "sealed"))
