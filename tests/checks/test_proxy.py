"""Each way in which a proxy breaks ranges gets its reason, and good proxies pass."""

import asyncio
import random
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
    with nginx(folder, tmp_path_factory.mktemp("nginx")) as server:
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
        (bad.whole_past_the_end, "range_ignored"),
    ],
    ids=["no ETag", "other ETag", "ETag now and then", "heeds no If-Range", "mistrusts If-Range", "whole past the end"],
)
def test_what_downloads_survive_is_a_warning(origin: Nginx, fault: Fault, reason: str) -> None:
    """Where every byte is right and only the version or a condition suffers, that is a warning."""
    finding = ranges_through(fault, origin.url("file.bin"))
    assert (finding.status, finding.reason) == (Status.WARN, reason), finding.summary


@pytest.mark.parametrize("fault", [bad.passes, bad.hates_head, bad.escapes], ids=["passes", "no HEAD", "escapes"])
def test_a_good_proxy_passes(origin: Nginx, fault: Fault) -> None:
    """A proxy that passes everything on is good, also one that refuses HEAD only."""
    finding = ranges_through(fault, origin.url("file.bin"))
    expected = (Status.WARN, "version_changed") if fault is bad.escapes else GOOD  # its ETag is not the origin's
    assert (finding.status, finding.reason) == expected, finding.summary
    assert "\x1b" not in f"{finding.summary}{finding.facts}{finding.remedy}"
