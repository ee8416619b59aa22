"""What ``doctl wsus`` concludes, from a server of our own on loopback and a scripted coordination service."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from doctl.checks import wsus
from doctl.checks.wsus import conclusion, verdict
from doctl.checks.wsus.asking import Reply
from doctl.checks.wsus.policy import KEY, SWITCH_KEY, Policy, judged
from doctl.checks.wsus.service import HOST, Walk, walk
from doctl.checks.wsus.verdict import Reason, Verdict
from doctl.endpoints import Address
from doctl.errors import FilteredError, LocalError, NameLookupError, TlsError
from doctl.net.certificates import Certificate
from doctl.net.fake import FakeNetwork
from doctl.net.probe import Reach
from doctl.net.proxies.route import ProxySettings
from doctl.report import Finding, Status
from doctl.wire.wsus import Place, parse_place
from tests.offline import Offline
from tests.servers.canned import saying
from tests.servers.wsus import PAYLOAD_PATH, Manners, running

PASS, WARN, FAIL, UNKNOWN, SKIP = Status.PASS, Status.WARN, Status.FAIL, Status.UNKNOWN, Status.SKIP
GEO = {"ExternalIpAddress": "203.0.113.7", "CountryCode": "DE", "KeyValue_EndpointFullUri": "https://kv501.test/all"}
KEY_VALUES = {
    "ContentPolicy_EndpointFullUri": "https://cp501.test/content/{contentId}/contentpolicy",
    "Discovery_EndpointFullUri": "https://disc501.test/v2/content/{contentId}",
}


def checked(place: Place | None, network: FakeNetwork | None = None) -> dict[str, Finding]:
    """Run the check and return its findings by id; facts must be JSON values, and what is not well has its remedy."""
    found: list[Finding] = []
    asyncio.run(wsus.run(network or Offline(), wsus.Options(place, 3), found.append))
    json.dumps([dict(finding.facts) for finding in found])
    assert len({(finding.id, finding.target) for finding in found}) == len(found)
    wanting = [finding.id for finding in found if finding.status in (FAIL, WARN, UNKNOWN) and not finding.remedy]
    assert set(wanting) <= {"wsus.conclusion"}  # which sums up the others, with theirs
    return {finding.id: finding for finding in found}


def verdicts(manners: Manners, path: str = "") -> dict[str, tuple[Status, str]]:
    """Return status and reason by the last word of each id, of a server that behaves like this."""
    with running(manners) as (url, _):
        found = checked(parse_place(url + path))
    return {finding.id.removeprefix("wsus."): (finding.status, finding.reason) for finding in found.values()}


OK = (PASS, "ok")
NO_SERVICE = (FAIL, "service_unreachable")
SERVERS: list[tuple[Manners, tuple[Status, str], tuple[Status, str], tuple[Status, str]]] = [
    (Manners(), OK, OK, OK),
    (Manners(config="no"), (FAIL, "not_wsus"), OK, OK),
    (Manners(config="broken"), (FAIL, "http_error"), OK, OK),
    (Manners(config="closed"), (FAIL, "http_error"), OK, OK),
    (Manners(config="odd"), (WARN, "http_error"), OK, OK),
    (Manners(content="missing"), OK, (FAIL, "content_unavailable"), OK),
    (Manners(content="page"), OK, (FAIL, "content_unavailable"), OK),
    (Manners(content="login"), OK, (FAIL, "http_error"), OK),
    (Manners(ranges="ignored"), OK, OK, (FAIL, "ranges_unsupported")),
    (Manners(ranges="short"), OK, OK, (FAIL, "ranges_unsupported")),
    (Manners(ranges="joined"), OK, OK, (FAIL, "ranges_unsupported")),
    (Manners(selfupdate="no"), OK, OK, (UNKNOWN, "content_unavailable")),
    (
        Manners(hsts="yes"),
        (FAIL, "redirected_hsts"),
        (FAIL, "redirected_hsts"),
        (SKIP, "redirected_hsts"),
    ),
]


@pytest.mark.parametrize(("manners", "server", "content", "ranges"), SERVERS)
def test_each_way_to_behave_has_its_verdict(
    manners: Manners, server: tuple[Status, str], content: tuple[Status, str], ranges: tuple[Status, str]
) -> None:
    """The server, its content and its ranges are judged each by itself, and the service beside them."""
    found = verdicts(manners)
    conclusion_ = found.pop("conclusion")
    assert found == {"server": server, "content": content, "ranges": ranges, "service": NO_SERVICE}
    assert conclusion_[0] is FAIL


def test_every_problem_has_a_remedy_and_every_finding_a_target() -> None:
    """What failed says what to do, and where; the conclusion leaves that to the others."""
    with running(Manners(config="no", content="missing", ranges="ignored")) as (url, _):
        found = checked(parse_place(url))
    for finding in found.values():
        assert bool(finding.remedy) is (finding.status is FAIL and finding.id != "wsus.conclusion"), finding.id
    assert found["wsus.service"].target == HOST
    assert found["wsus.content"].target == url
    assert found["wsus.ranges"].target == f"{url}/SelfUpdate/wuident.cab"


def test_a_server_for_tls_alone_is_named_by_its_other_url() -> None:
    """IIS answers 403 on plain HTTP where TLS is required; a redirect from TLS to TLS is no HSTS."""
    with running(Manners(config="closed")) as (url, _):
        found = checked(parse_place(url))
    assert "https://HOST:8531" in found["wsus.server"].remedy
    away = Reply("https://wsus.test:8531/x", 302, {"location": "https://other.test/"})
    assert verdict.of_check_file(away, Reach(Address("wsus.test", 8531), ())).reason == "http_error"


@pytest.mark.parametrize(
    ("manners", "ranges"),
    [
        (Manners(), OK),
        (Manners(ranges="ignored"), (FAIL, "ranges_unsupported")),
        (Manners(content="missing"), (FAIL, "content_unavailable")),
        (Manners(content="login"), (FAIL, "http_error")),
        (Manners(hsts="yes"), (FAIL, "redirected_hsts")),
    ],
)
def test_ranges_are_tried_on_the_payload_that_is_named(manners: Manners, ranges: tuple[Status, str]) -> None:
    """A URL below /Content/ is what ranges are asked of; that it is missing is a failure then."""
    assert verdicts(manners, PAYLOAD_PATH)["ranges"] == ranges


def test_only_what_is_needed_is_asked() -> None:
    """GetConfig, the check file, one file in ranges; the description only where GetConfig gave nothing."""
    with running() as (url, site):
        checked(parse_place(url))
    assert sorted(site.got) == [
        "GET /Content/anonymousCheckFile.txt",
        *["GET /SelfUpdate/wuident.cab"] * 3,
        "POST /ClientWebService/Client.asmx",
    ]
    with running(Manners(config="odd")) as (url, site):
        checked(parse_place(url))
    assert "GET /ClientWebService/client.asmx?WSDL" in site.got


def test_facts_of_ranges() -> None:
    """Each range with what came of it."""
    with running() as (url, _):
        facts = checked(parse_place(url))["wsus.ranges"].facts
    assert facts["total"] == 24_600
    assert facts["ranges"] == [
        {"asked": asked, "status_code": 206, "content_range": f"bytes {asked}/24600", "etag": '"0d1f"', "bytes": count}
        for asked, count in (("0-0", 1), ("0-12299", 12_300), ("12300-24599", 12_300))
    ]


def test_a_port_that_nobody_listens_on_is_tcp_blocked() -> None:
    """And what depends on it is not tried."""
    with running() as (url, _):
        pass
    found = checked(parse_place(url))
    assert [
        (found[f"wsus.{each}"].status, found[f"wsus.{each}"].reason) for each in ("server", "content", "ranges")
    ] == [
        (FAIL, "tcp_blocked"),
        (FAIL, "tcp_blocked"),
        (SKIP, "tcp_blocked"),
    ]
    assert found["wsus.server"].facts["outcome"] == "refused"


def test_a_name_without_address_is_tcp_blocked_and_says_so() -> None:
    """The fact ``outcome`` tells it from a firewall."""
    found = checked(parse_place("http://wsus.test:8530"))
    assert (found["wsus.server"].reason, found["wsus.server"].facts["outcome"]) == ("tcp_blocked", "dns_failed")
    assert "wsus.test: the name has no address" in found["wsus.server"].summary


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000])
def test_a_port_that_is_open_and_speaks_no_http_is_an_http_error(data: bytes) -> None:
    """TCP is not to blame where it connects."""
    with saying(data) as address:
        found = checked(parse_place(f"http://{address}"))
    assert (found["wsus.server"].status, found["wsus.server"].reason) == (FAIL, "http_error")
    assert found["wsus.content"].reason == "http_error"
    assert len(found["wsus.server"].summary) < 400


def test_a_server_that_says_nothing_ends_in_time() -> None:
    """Silence on an open port is an HTTP error too, within the timeout."""
    with saying(b"", silent=True) as address:
        network = Offline()

        async def scenario() -> tuple[list[Finding], float]:
            found: list[Finding] = []
            start = network.now()
            await wsus.run(network, wsus.Options(parse_place(f"http://{address}"), 0.5), found.append)
            return found, network.now() - start

        found, took = asyncio.run(scenario())
    assert took < 10
    assert {finding.id: finding.reason for finding in found}["wsus.server"] == "http_error"


# the coordination service

Web = Callable[[httpx.Request], httpx.Response]


def service(geo: object = GEO, key_values: object = KEY_VALUES, content_type: str = "text/json") -> Web:
    """Return a scripted service; an int is a status, a text a body as it is."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith(f"https://{HOST}/geo?doClientVersion=10.0.") or request.url.path == "/all"
        said = geo if request.url.path == "/geo" else key_values
        if isinstance(said, int):
            return httpx.Response(said, headers={"Location": "https://login.test/"}, stream=httpx.ByteStream(b""))
        body = said if isinstance(said, str) else json.dumps(said)
        return httpx.Response(200, headers={"Content-Type": content_type}, stream=httpx.ByteStream(body.encode()))

    return answer


def walked(web: Web, **fields: object) -> tuple[Verdict, Walk]:
    """Walk the chain over a scripted network and judge it."""
    network = FakeNetwork(web=web, names={HOST: ["192.0.2.9"]}, **fields)  # type: ignore[arg-type]
    seen = asyncio.run(walk(network, 2))
    json.dumps(conclusion.service_facts(seen))
    return conclusion.of_service(seen, network.platform), seen


def test_the_service_that_answers_both_steps_is_reached() -> None:
    """Its view of this machine is told."""
    verdict, seen = walked(service())
    assert (verdict.status, verdict.reason) == (PASS, "ok")
    assert "203.0.113.7" in verdict.summary
    assert conclusion.service_facts(seen) == {
        "step": "done",
        "url": "https://kv501.test/all",
        "proxy": "",
        "external_address": "203.0.113.7",
        "country": "DE",
        "fault": None,
        "issuer": None,
    }


@pytest.mark.parametrize(
    ("web", "step", "fault", "words"),
    [
        (service("<html>Sign in</html>", content_type="text/html"), "geo", "captive_portal", "location"),
        (service(GEO | {"ExternalIpAddress": "0.0.0.0"}), "geo", "no_address", "proxy"),
        (service("{"), "geo", "not_json", "location"),
        (service({}), "geo", "no_address", "location"),
        (service(302), "geo", "unusable", "login.test"),
        (service(503), "geo", "unusable", "503"),
        (service(GEO | {"KeyValue_EndpointFullUri": "http://kv501.test/all"}), "key_value", "bad_value", "plain http"),
        (service(key_values=403), "key_value", "unusable", "next steps"),
        (service(key_values="<html>", content_type="text/json"), "key_value", "captive_portal", "next steps"),
    ],
)
def test_each_step_that_fails_is_told(web: Web, step: str, fault: str, words: str) -> None:
    """A portal, a hidden address, nonsense, a redirect, a refusal: the step, what was wrong, and a remedy."""
    verdict, seen = walked(web)
    assert (verdict.status, verdict.reason) == (FAIL, "service_unreachable")
    assert words in verdict.summary
    assert verdict.remedy
    facts = conclusion.service_facts(seen)
    assert (facts["step"], facts["fault"]) == (step, fault)


def test_a_service_that_cannot_be_reached_is_told() -> None:
    """Names that do not resolve, connections that get no answer, a proxy that is not usable."""
    assert asyncio.run(walk(FakeNetwork(), 1)).error.__class__ is NameLookupError
    assert walked(FakeNetwork().web)[0].reason == "service_unreachable"
    proxied = ProxySettings(environment={"https_proxy": "ftp://proxy.test"})
    assert walked(service(), proxies=proxied)[0].reason == "service_unreachable"


def test_a_proxy_is_resolved_in_place_of_the_service() -> None:
    """Behind a proxy this machine need not be able to resolve names of the Internet."""
    proxied = ProxySettings(environment={"https_proxy": "http://192.0.2.50:3128"})
    network = FakeNetwork(web=service(), proxies=proxied)
    seen = asyncio.run(walk(network, 1))
    assert seen.key_values is not None
    assert seen.proxy == "http://192.0.2.50:3128"
    assert network.asked == ["resolve 192.0.2.50"]


@pytest.mark.parametrize(
    ("organisation", "platform", "status"),
    [
        ("Microsoft Corporation", "linux", PASS),
        ("Microsoft Corporation", "win32", FAIL),
        ("Example Inspection Inc.", "linux", FAIL),
        ("Example Inspection Inc.", "win32", FAIL),
    ],
)
def test_a_certificate_that_is_not_trusted_is_judged_by_its_issuer(
    organisation: str, platform: str, status: Status
) -> None:
    """Outside Windows Microsoft's own root is mostly unknown, which is no interception; anybody else's is."""
    certificate = Certificate(HOST, (HOST,), organisation, "A CA", datetime(2030, 1, 1, tzinfo=UTC), verified=False)
    seen = Walk(f"https://{HOST}/geo", error=TlsError("not trusted"), certificate=certificate)
    verdict = conclusion.of_service(seen, platform)
    assert verdict.status is status
    assert organisation in verdict.summary


# the conclusion


def of(status: Status, reason: Reason = Reason.OK) -> Verdict:
    """Return a verdict with nothing but its status and reason."""
    return Verdict(status, reason, "")


BLOCKED, NO_RANGES = of(FAIL, Reason.TCP_BLOCKED), of(FAIL, Reason.RANGES_UNSUPPORTED)
UNREACHED, GOOD = of(FAIL, Reason.SERVICE_UNREACHABLE), of(PASS)


@pytest.mark.parametrize(
    ("parts", "status", "sentence"),
    [
        ((GOOD, GOOD, GOOD, GOOD), PASS, "Payloads from WSUS, peers coordinated by the cloud service."),
        (
            (GOOD, GOOD, GOOD, UNREACHED),
            FAIL,
            "Payloads from WSUS, no peers, since the cloud service that coordinates them cannot be reached.",
        ),
        (
            (GOOD, BLOCKED, of(SKIP, Reason.TCP_BLOCKED), GOOD),
            FAIL,
            "No payloads from WSUS (tcp_blocked), peers would be coordinated by the cloud service.",
        ),
        (
            (GOOD, GOOD, NO_RANGES, GOOD),
            FAIL,
            "Payloads from WSUS only in one piece, where Delivery Optimization needs ranges, "
            "peers would be coordinated by the cloud service.",
        ),
        (
            (of(FAIL, Reason.NOT_WSUS), GOOD, GOOD, GOOD),
            FAIL,
            "Files from there, but no WSUS (not_wsus), peers would be coordinated by the cloud service.",
        ),
        (
            (GOOD, GOOD, of(UNKNOWN, Reason.CONTENT_UNAVAILABLE), GOOD),
            UNKNOWN,
            "Payloads from WSUS, peers coordinated by the cloud service.",
        ),
    ],
)
def test_one_sentence_says_which_half_is_missing(parts: tuple[Verdict, ...], status: Status, sentence: str) -> None:
    """Payloads and peers, each there or not."""
    concluded = conclusion.concluded(*parts)
    assert (concluded.status, concluded.summary) == (status, sentence)


# the policy

GOOD_POLICY = Policy("http://wsus.test:8530", "http://wsus.test:8530", "", used=True)


@pytest.mark.parametrize(
    ("policy", "status", "goes_on"),
    [
        (GOOD_POLICY, None, True),
        (replace(GOOD_POLICY, status_server="HTTP://WSUS.test:8530/"), None, True),
        (replace(GOOD_POLICY, status_server="http://other.test"), WARN, True),
        (replace(GOOD_POLICY, status_server=""), WARN, True),
        (replace(GOOD_POLICY, used=False), WARN, False),
        (replace(GOOD_POLICY, server="wsus.test"), FAIL, False),
        (Policy(), SKIP, False),
    ],
)
def test_the_policy_is_judged_before_the_server(policy: Policy, status: Status | None, goes_on: bool) -> None:
    """WUServer counts with UseWUServer and the same WUStatusServer; what does not count is not_configured."""
    configured = judged(policy)
    assert (configured.remark.status if configured.remark else None) is status
    assert configured.remark is None or configured.remark.reason == "not_configured"
    assert (configured.place is not None) is goes_on


def windows(**fields: object) -> FakeNetwork:
    """Return a Windows machine without names or servers."""
    return FakeNetwork(platform="win32", **fields)  # type: ignore[arg-type]


def test_windows_policy_names_the_server() -> None:
    """The server of the registry is checked, and its alternate one for content beside it."""
    keys = {
        KEY: {
            "WUServer": "http://192.0.2.1:8530",
            "WUStatusServer": "http://192.0.2.1:8530",
            "UpdateServiceUrlAlternate": "http://192.0.2.2:8005",
        },
        SWITCH_KEY: {"UseWUServer": 1},
    }
    found: list[Finding] = []
    asyncio.run(wsus.run(windows(keys=keys), wsus.Options(timeout=1), found.append))
    targets = {(finding.id, finding.target): finding for finding in found}
    assert targets["wsus.server", "http://192.0.2.1:8530"].reason == "tcp_blocked"
    alternate = targets["wsus.content", "http://192.0.2.2:8005"]
    assert (alternate.status, alternate.facts["alternate"]) == (WARN, True)


def test_an_alternate_server_that_is_none_is_a_warning() -> None:
    """UpdateServiceUrlAlternate is never needed, so nothing about it fails."""
    keys = {
        KEY: {"WUServer": "http://192.0.2.1", "UpdateServiceUrlAlternate": "nonsense"},
        SWITCH_KEY: {"UseWUServer": 1},
    }
    found: list[Finding] = []
    asyncio.run(wsus.run(windows(keys=keys), wsus.Options(timeout=1), found.append))
    (alternate,) = (finding for finding in found if finding.facts.get("alternate"))
    assert (alternate.status, alternate.reason) == (WARN, "not_configured")
    assert "alternate download server" in alternate.remedy


@pytest.mark.parametrize(
    ("network", "status", "reason"),
    [
        (FakeNetwork(), SKIP, "not_configured"),
        (windows(), SKIP, "not_configured"),
        (windows(keys={KEY: {"WUServer": "http://w.test", "UseWUServer": 1}}), WARN, "not_configured"),
        (windows(keys={KEY: {"WUServer": 7}, SWITCH_KEY: {"UseWUServer": 1}}), SKIP, "not_configured"),
        (windows(keys={KEY: LocalError("no rights")}), UNKNOWN, "not_testable"),
    ],
)
def test_without_a_server_there_is_one_finding_and_nothing_is_asked(
    network: FakeNetwork, status: Status, reason: str
) -> None:
    """No URL and no policy that counts: said, and no more; UseWUServer counts in its own key only."""
    found = checked(None, network)
    assert {id: (finding.status, finding.reason) for id, finding in found.items()} == {"wsus.server": (status, reason)}
    assert not any(asked.startswith(("resolve", "connect")) for asked in network.asked)


def test_a_black_hole_is_tcp_blocked_everywhere() -> None:
    """Where every packet is swallowed, each finding says so."""
    network = FakeNetwork(hosts={Address("192.0.2.1", 8530): FilteredError("no answer")})
    found = checked(parse_place("http://192.0.2.1:8530"), network)
    assert found["wsus.server"].facts["outcome"] == "filtered"
    assert {finding.reason for finding in found.values()} == {"tcp_blocked", "service_unreachable"}
