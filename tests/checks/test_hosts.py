"""What is seen of a host, and what an allowlist says, gets the right verdict."""

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from doctl.checks import hosts
from doctl.checks.hosts.coverage import coverage
from doctl.checks.hosts.reach import HttpAnswer, Place, Seen, read_place
from doctl.checks.hosts.verdict import finding
from doctl.endpoints import HOSTS, TEST_FILE_BYTES, Address, documented, hosts_of
from doctl.errors import (
    FilteredError,
    NameLookupError,
    NetworkError,
    RefusedError,
    TlsError,
    UnreachableError,
    UsageError,
)
from doctl.net.certificates import Certificate
from doctl.net.fake import FakeConnection, FakeNetwork
from doctl.net.probe import Attempt, Outcome, Reach
from doctl.report import Finding, Status
from doctl.wire.allowlist import read_allowlist

GEO, TSFE = "geo.prod.do.dsp.mp.microsoft.com", "tsfe.trafficshaping.dsp.mp.microsoft.com"
FILES, UPDATES = "dl.delivery.mp.microsoft.com", "download.windowsupdate.com"
OPTIONAL, SAMPLE, TEREDO = "ctldl.windowsupdate.com", "kv501.prod.do.dsp.mp.microsoft.com", "win1910.ipv6.microsoft.com"


def certificate(organisation: str, *, verified: bool = True) -> Certificate:
    """Return a certificate that ``organisation`` issued."""
    end = datetime.datetime(2030, 1, 31, tzinfo=datetime.UTC)
    return Certificate("x", ("x",), organisation, "CA", end, verified)


MICROSOFT, COMPANY = certificate("Microsoft Corporation"), certificate("Contoso Inspection")


def place(name: str) -> Place:
    """Return a documented host as the check looks at it, or one that only the user knows."""
    return next((one for one in hosts.places(HOSTS) if one.name == name), read_place(name))


def seen(name: str, *outcomes: Outcome, **more: Any) -> Seen:
    """Return what was seen of a host with an attempt of each outcome, IPv4 first."""
    target = place(name)
    tried = zip(("192.0.2.1", "2001:db8::1"), outcomes, strict=False)
    attempts = [Attempt(address, outcome, 0.1) for address, outcome in tried]
    return Seen(target, Reach(Address(name, target.port), tuple(attempts), more.pop("problem", "")), **more)


OPEN, REFUSED, FILTERED, UNREACHABLE = Outcome.OPEN, Outcome.REFUSED, Outcome.FILTERED, Outcome.UNREACHABLE
OK_FILE = HttpAnswer(206, total=TEST_FILE_BYTES)
VERDICTS: list[tuple[str, Seen, Status, str]] = [
    ("service", seen(GEO, OPEN, certificate=MICROSOFT, answer=HttpAnswer(404)), Status.PASS, "ok"),
    ("one family", seen(GEO, OPEN, UNREACHABLE, certificate=MICROSOFT, answer=HttpAnswer(404)), Status.PASS, "ok"),
    ("ipv6 alone", seen(GEO, FILTERED, OPEN, certificate=MICROSOFT, answer=HttpAnswer(404)), Status.PASS, "ok"),
    (
        "untrusted root",
        seen(GEO, OPEN, certificate=certificate("Microsoft Corporation", verified=False)),
        Status.PASS,
        "ok",
    ),
    ("no name", seen(GEO, problem="no address"), Status.FAIL, "dns_failed"),
    ("no sample", seen(SAMPLE, problem="no address"), Status.SKIP, "not_testable"),
    ("refused", seen(GEO, REFUSED), Status.FAIL, "refused"),
    ("refused says most", seen(GEO, FILTERED, REFUSED), Status.FAIL, "refused"),
    ("filtered", seen(GEO, FILTERED, UNREACHABLE), Status.FAIL, "filtered"),
    ("unreachable", seen(GEO, UNREACHABLE, UNREACHABLE), Status.FAIL, "unreachable"),
    ("optional filtered", seen(OPTIONAL, FILTERED), Status.WARN, "filtered"),
    ("tls silent", seen(GEO, OPEN, tls_error=FilteredError("no certificate")), Status.FAIL, "filtered"),
    ("tls not come to", seen(GEO, OPEN), Status.FAIL, "filtered"),
    ("tls reset", seen(GEO, OPEN, tls_error=NetworkError("connection reset")), Status.FAIL, "tls_failed"),
    ("no tls", seen(GEO, OPEN, tls_error=TlsError("no TLS there")), Status.FAIL, "tls_failed"),
    ("inspected, trusted", seen(GEO, OPEN, certificate=COMPANY), Status.FAIL, "tls_intercepted"),
    ("inspected, not pinned", seen(TSFE, OPEN, certificate=COMPANY), Status.WARN, "tls_intercepted"),
    ("untrusted", seen(TSFE, OPEN, certificate=certificate("X", verified=False)), Status.FAIL, "tls_intercepted"),
    ("nameless", seen(TSFE, OPEN, certificate=certificate("", verified=False)), Status.FAIL, "tls_intercepted"),
    ("own server", seen("cache.corp.example", OPEN, certificate=COMPANY), Status.WARN, "tls_intercepted"),
    ("file", seen(FILES, OPEN, answer=OK_FILE), Status.PASS, "ok"),
    ("file without ranges", seen(FILES, OPEN, answer=HttpAnswer(200, total=TEST_FILE_BYTES)), Status.PASS, "ok"),
    ("file of unknown size", seen(FILES, OPEN, answer=HttpAnswer(200)), Status.PASS, "ok"),
    ("another file", seen(FILES, OPEN, answer=HttpAnswer(200, total=812)), Status.FAIL, "http_error"),
    ("forbidden file", seen(FILES, OPEN, answer=HttpAnswer(403)), Status.FAIL, "http_error"),
    ("no file", seen(FILES, OPEN, answer=HttpAnswer(404)), Status.FAIL, "http_error"),
    ("root is forbidden", seen(UPDATES, OPEN, answer=HttpAnswer(403)), Status.PASS, "ok"),
    ("login wanted", seen(UPDATES, OPEN, answer=HttpAnswer(407)), Status.FAIL, "http_error"),
    ("portal", seen(UPDATES, OPEN, answer=HttpAnswer(511)), Status.FAIL, "http_error"),
    ("law", seen(UPDATES, OPEN, answer=HttpAnswer(451)), Status.FAIL, "http_error"),
    ("broken", seen(UPDATES, OPEN, answer=HttpAnswer(502)), Status.FAIL, "http_error"),
    (
        "squid",
        seen(UPDATES, OPEN, answer=HttpAnswer(403, proxy_error="ERR_ACCESS_DENIED 0")),
        Status.FAIL,
        "http_error",
    ),
    (
        "to a portal",
        seen(UPDATES, OPEN, answer=HttpAnswer(302, location="http://login.test/")),
        Status.FAIL,
        "http_error",
    ),
    ("odd redirect", seen(UPDATES, OPEN, answer=HttpAnswer(302, location="http://[/")), Status.FAIL, "http_error"),
    ("to itself", seen(UPDATES, OPEN, answer=HttpAnswer(301, location="/x")), Status.PASS, "ok"),
    (
        "to Microsoft",
        seen(UPDATES, OPEN, answer=HttpAnswer(302, location="https://www.microsoft.com/")),
        Status.PASS,
        "ok",
    ),
    (
        "to a lookalike",
        seen(UPDATES, OPEN, answer=HttpAnswer(302, location="http://xmicrosoft.com/")),
        Status.FAIL,
        "http_error",
    ),
    ("no answer", seen(UPDATES, OPEN, http_error=FilteredError("no answer")), Status.FAIL, "http_error"),
    ("https without answer", seen(GEO, OPEN, certificate=MICROSOFT), Status.WARN, "http_error"),
    ("teredo", seen(TEREDO), Status.SKIP, "not_testable"),
    ("no teredo", seen(TEREDO, problem="no address"), Status.WARN, "dns_failed"),
    ("not come to", Seen(place(GEO)), Status.UNKNOWN, "not_testable"),
]


@pytest.mark.parametrize(("what", "status", "reason"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS])
def test_what_was_seen_gets_its_verdict(what: Seen, status: Status, reason: str) -> None:
    """Each way in which a host fails, and each in which it does not, has its status and reason."""
    verdict = finding(what, "linux")
    assert (verdict.status, verdict.reason) == (status, reason)
    assert (verdict.id, verdict.area, verdict.target) == ("hosts.reach", "hosts", what.place.name)
    assert verdict.summary.endswith(".")
    assert verdict.remedy or status in (Status.PASS, Status.SKIP)


@pytest.mark.parametrize("name", [GEO, "cache.example:8080"])
def test_an_open_port_without_tls_is_not_to_be_opened(name: str) -> None:
    """Where the connection opens, the remedy is about TLS and not the port; a host of ones own may speak plain HTTP."""
    remedy = finding(seen(name, OPEN, tls_error=TlsError("no TLS there")), "linux").remedy
    assert remedy.startswith(f"Let {name.partition(':')[0]} pass in firewalls and filters that look into TLS")
    assert ("doctl hosts --host http://cache.example:8080" in remedy) == (name != GEO)


@pytest.mark.parametrize(
    ("name", "target", "url"),
    [
        ("cache.example:8443", "cache.example:8443", "https://cache.example:8443/"),
        ("http://cache.example:8080", "cache.example:8080", "http://cache.example:8080/"),
        ("http://cache.example", "cache.example", "http://cache.example/"),
        ("2001:db8::7", "2001:db8::7", "https://[2001:db8::7]/"),
        ("[2001:db8::7]:8443", "[2001:db8::7]:8443", "https://[2001:db8::7]:8443/"),
    ],
)
def test_a_port_of_ones_own_is_in_the_target_and_in_what_to_try(name: str, target: str, url: str) -> None:
    """What is to be tried is the very place that was looked at, its port and an IPv6 address in brackets included."""
    what = read_place(name)
    verdict = finding(Seen(what, Reach(Address(what.name, what.port), (Attempt("", FILTERED, 0.1),))), "linux")
    assert verdict.target == target
    assert f"test: curl -v {url} " in verdict.remedy
    assert f"doctl proxy {url})" in verdict.remedy


def test_remedies_name_the_command_of_the_system() -> None:
    """A remedy shows how to see the fault with what this system has."""
    blocked = seen(GEO, FILTERED)
    assert f"Test-NetConnection {GEO} -Port 443" in finding(blocked, "win32").remedy
    assert f"curl -v https://{GEO}/" in finding(blocked, "linux").remedy
    assert "doctl proxy" in finding(blocked, "linux").remedy
    assert "Exempt *.prod.do.dsp.mp.microsoft.com" in finding(seen(GEO, OPEN, certificate=COMPANY), "linux").remedy
    assert finding(seen(TEREDO), "linux").remedy == f"doctl teredo --server {TEREDO}"


def test_what_a_server_sends_is_cleaned() -> None:
    """Terminal escapes in headers do not come through."""
    answer = HttpAnswer(302, location="http://x.test/\x1b[2J")
    shown = finding(seen(UPDATES, OPEN, answer=answer), "linux")
    assert shown.summary.isprintable()


PLACES = {
    "cache.corp.example": ("cache.corp.example", "https", 443, False),
    "Cache.Corp.Example.": ("cache.corp.example", "https", 443, False),
    "cache.corp.example:8443": ("cache.corp.example", "https", 8443, False),
    "http://cache.corp.example": ("cache.corp.example", "http", 80, False),
    "http://cache.corp.example:8080/path": ("cache.corp.example", "http", 8080, False),
    "cache.corp.example:80": ("cache.corp.example", "http", 80, False),
    "https://[2001:db8::1]/": ("2001:db8::1", "https", 443, False),
    "bücher.example": ("xn--bcher-kva.example", "https", 443, False),
    FILES: (FILES, "http", 80, True),
    f"https://{FILES}": (FILES, "https", 443, True),
    "kv777.prod.do.dsp.mp.microsoft.com": ("kv777.prod.do.dsp.mp.microsoft.com", "https", 443, True),
    TEREDO: (TEREDO, "teredo", 3544, True),
}


@pytest.mark.parametrize("text", PLACES)
def test_a_host_that_a_user_names_is_read(text: str) -> None:
    """Names, ports and URLs are understood; a documented host is reached as documented."""
    read = read_place(text)
    assert (read.name, read.scheme, read.port, read.row is not None) == PLACES[text]


@pytest.mark.parametrize("text", ["", "ftp://x", "a b", "x:99999", "x\x1b[2J", "ü" * 300, "http://"])
def test_a_host_that_makes_no_sense_is_refused(text: str) -> None:
    """What is no host is wrong use, in one clean line."""
    with pytest.raises(UsageError) as caught:
        read_place(text)
    assert "\x1b" not in str(caught.value)


def test_the_narrowest_documented_host_counts() -> None:
    """A name is judged by its own row, or by the longest wildcard over it."""
    rows = {name: documented(name) for name in (FILES, "a.dl.delivery.mp.microsoft.com", GEO, "microsoft.com")}
    patterns = [row.pattern if row else None for row in rows.values()]
    assert patterns == [FILES, "*.dl.delivery.mp.microsoft.com", "*.prod.do.dsp.mp.microsoft.com", None]


class Forbidden(FakeNetwork):
    """A network that nobody may touch."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"touched the network: {name}")


def test_offline_touches_no_network() -> None:
    """With --offline nothing of the network is used, not even asked for its platform."""
    found: list[Finding] = []
    network = object.__new__(Forbidden)
    allowlist = read_allowlist(b".microsoft.com", "list")
    asyncio.run(hosts.run(network, hosts.Options(allowlist=allowlist, offline=True), found.append))
    assert {one.id for one in found} == {"hosts.covered", "hosts.allowlist"}


def check(network: FakeNetwork, **options: Any) -> dict[str, Finding]:
    """Run the check and return its findings on reach by their target."""
    found: list[Finding] = []
    asyncio.run(hosts.run(network, hosts.Options(**options), found.append))
    assert len({(one.id, one.target) for one in found}) == len(found)
    return {one.target: one for one in found if one.id == "hosts.reach"}


def test_a_network_that_swallows_everything_fails_clearly() -> None:
    """Every documented host is reported once, retired ones and wildcards as skipped, and nothing passes."""
    found = check(FakeNetwork())
    assert {one.reason for one in found.values() if one.status is Status.SKIP} == {"retired", "not_testable"}
    assert {one.reason for one in found.values() if one.status is not Status.SKIP} == {"dns_failed"}
    assert {host.pattern for host in HOSTS} <= set(found)
    assert found["*.emdl.ws.microsoft.com"].reason == "retired"
    assert found["*.windowsupdate.com"].reason == "not_testable"


def web(answer: Callable[[httpx.Request], httpx.Response] | None = None) -> FakeNetwork:
    """Return a network on which the file host and the service answer as they should."""
    here, there = Address("192.0.2.1", 80), Address("192.0.2.2", 443)
    return FakeNetwork(
        names={FILES: ["2001:db8::1", "192.0.2.1"], GEO: ["192.0.2.2"], TEREDO: ["192.0.2.3"]},
        cnames={FILES: ("files.cdn.example", "edge.cdn.example"), GEO: NameLookupError("DNS does not answer")},
        hosts={
            here: FakeConnection(here),
            Address("2001:db8::1", 80): UnreachableError("no IPv6"),
            there: FakeConnection(there),
            Address("192.0.2.2", 80): RefusedError("nobody"),
        },
        certificates={there: MICROSOFT},
        web=answer or (lambda request: httpx.Response(206, headers={"Content-Range": f"bytes 0-0/{TEST_FILE_BYTES}"})),
    )


def test_every_stage_is_in_the_facts() -> None:
    """Aliases, both families, issuer, HTTP answer and port 80 of the service are told."""
    found = check(web())
    files, service = found[FILES], found[GEO]
    assert (files.status, service.status) == (Status.PASS, Status.PASS)
    assert files.facts["cname"] == ["files.cdn.example", "edge.cdn.example"]
    assert [one["outcome"] for one in files.facts["addresses"]] == ["unreachable", "open"]  # type: ignore[attr-defined]
    assert files.facts["status_code"] == 206
    assert service.facts["issuer"] == "Microsoft Corporation"
    assert service.facts["port_80"] == "refused"
    assert service.facts["dns_problem"] == "DNS does not answer"
    assert found[TEREDO].reason == "not_testable"


def test_the_host_is_asked_by_its_address_under_its_name() -> None:
    """The request goes to the address that was open, for one byte of the test file, with the host's name."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404)

    check(web(answer), hosts=hosts_of("metadata"))
    (request,) = asked
    assert request.url.host == "192.0.2.1"
    assert request.url.path.startswith("/filestreamingservice/files/52fa8751")
    assert (request.headers["host"], request.headers["range"]) == (FILES, "bytes=0-0")


def test_an_http_failure_is_told_with_its_error() -> None:
    """A connection that breaks instead of answering is an HTTP error of that host alone."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    found = check(web(broken))
    assert (found[FILES].reason, found[FILES].status) == ("http_error", Status.FAIL)
    assert found[GEO].status is Status.WARN


def test_hosts_that_the_user_names_are_looked_at_first() -> None:
    """A named host is looked at as the user wrote it, once, and alone when no set is asked for."""
    network = FakeNetwork(names={"cache.example": ["192.0.2.9"]}, hosts={Address("192.0.2.9", 8080): RefusedError("x")})
    found = check(network, hosts=(), places=(read_place("http://cache.example:8080"),))
    assert {name: one.reason for name, one in found.items()} == {"cache.example:8080": "refused"}
    both = hosts.places(hosts_of("metadata"), [read_place(f"https://{FILES}")])
    assert [(one.name, one.port) for one in both if one.name == FILES] == [(FILES, 443)]


ALL_PATTERNS = "\n".join(host.pattern for host in HOSTS if not host.retired)
LISTS: list[tuple[str, str, str, Status, str]] = [
    ("the documented list", ALL_PATTERNS, "*.dl.delivery.mp.microsoft.com", Status.PASS, "ok"),
    ("squid's dot", ".microsoft.com", FILES, Status.PASS, "ok"),
    ("squid's dot, wildcard", ".microsoft.com", "*.update.microsoft.com", Status.PASS, "ok"),
    ("a wildcard lacks its bare name", "*.dl.delivery.mp.microsoft.com", FILES, Status.FAIL, "apex_not_covered"),
    ("a wider wildcard has it", "*.delivery.mp.microsoft.com", FILES, Status.PASS, "ok"),
    ("nothing", "example.com", FILES, Status.FAIL, "not_covered"),
    ("nothing optional", "example.com", "*.windowsupdate.com", Status.WARN, "not_covered"),
    ("the bare name is no wildcard", FILES, "*.dl.delivery.mp.microsoft.com", Status.FAIL, "not_covered"),
    ("a URL", f"http://{FILES}/", FILES, Status.PASS, "ok"),
    ("another scheme", f"https://{FILES}", FILES, Status.WARN, "limited"),
    ("a path", f"http://{FILES}/files/", FILES, Status.WARN, "limited"),
    ("retired and listed", "*.emdl.ws.microsoft.com", "*.emdl.ws.microsoft.com", Status.SKIP, "retired"),
    ("retired and not listed", "example.com", "*.emdl.ws.microsoft.com", Status.SKIP, "retired"),
    ("teredo", "win1910.ipv6.microsoft.com", TEREDO, Status.PASS, "ok"),
    (
        "names one by one",
        "geo.prod.do.dsp.mp.microsoft.com\ngeover.prod.do.dsp.mp.microsoft.com\n"
        "kv*.prod.do.dsp.mp.microsoft.com\ncp*.prod.do.dsp.mp.microsoft.com\n"
        "disc*.prod.do.dsp.mp.microsoft.com\narray*.prod.do.dsp.mp.microsoft.com",
        "*.prod.do.dsp.mp.microsoft.com",
        Status.WARN,
        "not_covered",
    ),
]


def covered(text: str) -> dict[str, Finding]:
    """Hold all hosts against a list and return the findings by target."""
    return {one.target: one for one in coverage(HOSTS, read_allowlist(text.encode(), "list.txt"))}


@pytest.mark.parametrize(
    ("text", "target", "status", "reason"), [row[1:] for row in LISTS], ids=[row[0] for row in LISTS]
)
def test_a_list_covers_what_it_says(text: str, target: str, status: Status, reason: str) -> None:
    """Each form of entry covers, misses or half covers a required host as real filters would."""
    verdict = covered(text)[target]
    assert (verdict.id, verdict.status, verdict.reason) == ("hosts.covered", status, reason)
    assert bool(verdict.remedy) == (status in (Status.WARN, Status.FAIL) or (reason == "retired" and text == target))


def test_every_documented_host_is_held_against_the_list() -> None:
    """There is a finding for each documented pattern and one for the list, and the complete list passes."""
    found = covered(ALL_PATTERNS)
    assert set(found) == {host.pattern for host in HOSTS} | {"list.txt"}
    assert {one.status for one in found.values()} == {Status.PASS, Status.SKIP}


def test_a_missing_bare_name_is_told_with_the_line() -> None:
    """The finding says which line stops short, what to add, and the wildcard's own finding says it too."""
    found = covered("# ours\n*.dl.delivery.mp.microsoft.com\n")
    assert found[FILES].summary.startswith("line 2 (*.dl.delivery.mp.microsoft.com) covers what is below")
    assert found[FILES].remedy.startswith(f"Add {FILES} (http, port 80) to the list")
    assert found["*.dl.delivery.mp.microsoft.com"].facts["bare_name_covered"] is False


def test_the_list_as_a_whole_is_judged() -> None:
    """Superfluous, redundant, retired and unreadable lines are told with their numbers."""
    text = "*.do.dsp.mp.microsoft.com\nexample.com\ngeo.prod.do.dsp.mp.microsoft.com\nemdl.ws.microsoft.com\nbad line\n"
    verdict = covered(text)["list.txt"]
    assert (verdict.id, verdict.status, verdict.reason) == ("hosts.allowlist", Status.WARN, "unreadable_lines")
    assert verdict.facts["superfluous"] == ["line 2: example.com"]
    assert verdict.facts["redundant"] == ["line 3: geo.prod.do.dsp.mp.microsoft.com"]
    assert verdict.facts["retired"] == ["line 4: emdl.ws.microsoft.com"]
    assert verdict.facts["unread"] == ["line 5: bad line (has a space in it; write one pattern a line)"]
    assert covered("")["list.txt"].reason == "empty"
    assert "one pattern a line" in covered("")["list.txt"].remedy
    assert covered("a.example")["list.txt"].reason == "superfluous"
    assert covered("*.windowsupdate.com")["list.txt"].reason == "ok"


def test_quoted_lines_are_cleaned_and_bounded() -> None:
    """A hostile list comes out printable, and of many entries only some are quoted."""
    verdict = covered("\x1b]0;owned\x07\n" * 500 + "x.example\n" * 500)["list.txt"]
    assert str(verdict.facts).isprintable()
    assert len(verdict.facts["superfluous"]) == len(verdict.facts["unread"]) == 50  # type: ignore[arg-type]
    assert (verdict.facts["superfluous_count"], verdict.facts["unread_count"]) == (500, 500)
