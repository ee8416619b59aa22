"""What is said of a route and of ranges, from facts alone: a scripted network stands for any machine."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from doctl.checks.proxy import MOST_URLS, Options, run
from doctl.checks.proxy.interception import find_interception
from doctl.checks.proxy.remedies import AT_PROXY, AT_SERVER, PRODUCTS, SPECIFIC, product, remedy
from doctl.endpoints import TEST_FILE_URL
from doctl.errors import UsageError
from doctl.net.certificates import Certificate
from doctl.net.fake import FakeNetwork
from doctl.net.proxies.route import Choice, ProxySettings, SystemSettings
from doctl.report import Finding, Status
from doctl.wire.range_faults import Reason
from doctl.wire.range_probes import FIRST, Answer

URL = "http://files.test/file.bin"
DATA = bytes(range(256)) * 16
SERVICE = "geo.prod.do.dsp.mp.microsoft.com"


def serve(request: httpx.Request) -> httpx.Response:
    """Answer ranges as they should be answered."""
    headers = {"ETag": '"v1"', "Content-Length": str(len(DATA))}
    if "range" not in request.headers or "never-was" in request.headers.get("if-range", ""):
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(DATA))
    first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
    if first >= len(DATA):
        return httpx.Response(416, headers={"Content-Range": f"bytes */{len(DATA)}"})
    span = {"Content-Range": f"bytes {first}-{last}/{len(DATA)}", "ETag": '"v1"'}
    return httpx.Response(206, headers=span, stream=httpx.ByteStream(DATA[first : last + 1]))


def network(settings: ProxySettings | None = None, **more: object) -> FakeNetwork:
    """Make a network on which the file and every proxy can be reached."""
    names = {name: ["192.0.2.1"] for name in ("files.test", "proxy.test", "win.test", "pac.test")}
    return FakeNetwork(names=names, web=serve, proxies=settings or ProxySettings(), **more)  # type: ignore[arg-type]


def check(net: FakeNetwork, *urls: str, choice: Choice | None = None) -> list[Finding]:
    """Run the check and return its findings."""
    found: list[Finding] = []
    asyncio.run(run(net, Options(urls or (URL,), choice or Choice()), found.append))
    return sorted(found, key=lambda finding: (finding.id, finding.target))


def route(settings: ProxySettings, choice: Choice | None = None) -> tuple[Finding, Finding]:
    """Return what is found of the ranges and of the route."""
    ranges, way = check(network(settings), choice=choice)
    return ranges, way


def test_windows_settings_decide_on_windows() -> None:
    """A fixed proxy of Windows is used and named; what else is set is said."""
    system = SystemSettings("Windows' proxy settings of this user", {"http": "win.test:8080"}, auto_detect=True)
    ranges, way = route(ProxySettings(system=system, winhttp="10.0.0.1:8080"))
    assert (ranges.status, ranges.facts["proxy"]) == (Status.PASS, "http://win.test:8080")
    assert (way.status, way.reason) == (Status.PASS, "ok")
    assert way.facts["source"] == "system"
    assert way.facts["winhttp"] == "10.0.0.1:8080"
    assert "this user: a fixed proxy" in way.summary
    assert "WPAD" in way.summary
    assert "10.0.0.1:8080" in way.summary


def test_an_environment_that_hides_windows_settings_is_a_warning() -> None:
    """What doctl does by the environment and Delivery Optimization by Windows' settings differs, which is said."""
    system = SystemSettings("Windows", {"http": "win.test:8080"})
    ranges, way = route(ProxySettings({"HTTP_PROXY": "proxy.test:3128"}, system))
    assert ranges.facts["proxy"] == "http://proxy.test:3128"
    assert (way.status, way.reason) == (Status.WARN, "ok")
    assert "http://win.test:8080" in way.summary
    assert way.remedy


def test_a_setting_that_makes_no_sense_is_named() -> None:
    """A variable without a usable proxy leaves the route unknown and the ranges untested, and never passes."""
    ranges, way = route(ProxySettings({"http_proxy": "http://me:secret@:x"}))
    assert (way.status, way.reason) == (Status.UNKNOWN, "not_testable")
    assert "http_proxy in the environment" in way.summary
    assert (ranges.status, ranges.reason) == (Status.SKIP, "not_testable")
    assert "secret" not in f"{way}{ranges}"


def test_settings_that_could_not_be_read_are_said() -> None:
    """Where the system's settings are unreadable the route says so."""
    _, way = route(ProxySettings(unreadable="the system's own proxy settings could not be read: no rights"))
    assert "could not be read: no rights" in way.summary


@pytest.mark.parametrize("address", ["socks5://proxy.test", "https://proxy.test"])
def test_a_proxy_without_plain_http_is_not_testable(address: str) -> None:
    """SOCKS and proxies behind TLS are named and not tested."""
    ranges, way = route(ProxySettings(), Choice(proxy=address))
    assert (ranges.status, ranges.reason) == (Status.UNKNOWN, "not_testable")
    assert way.status is Status.PASS


def with_script(status: int, text: str) -> FakeNetwork:
    """Make a network whose system settings name a PAC script."""
    settings = ProxySettings(system=SystemSettings("Windows", pac_url="http://pac.test/p.pac?token"))

    def web(request: httpx.Request) -> httpx.Response:
        if request.url.host != "pac.test":
            return serve(request)
        return httpx.Response(status, stream=httpx.ByteStream(text.encode()))

    net = network(settings)
    net.web = web
    return net


def test_a_script_of_the_system_decides() -> None:
    """The script that Windows names is fetched and run, and what it said is told without the URL's query."""
    script = "function FindProxyForURL(url, host) { return 'PROXY win.test:1; PROXY proxy.test:2; DIRECT'; }"
    ranges, way = check(with_script(200, script))
    assert ranges.facts["proxy"] == "http://win.test:1"
    assert way.facts["pac"] == "http://pac.test/p.pac"
    assert way.facts["pac_result"] == "PROXY win.test:1; PROXY proxy.test:2; DIRECT"


def test_what_a_script_names_besides_is_said_where_the_first_fails() -> None:
    """Where the first proxy of a list cannot be reached, what comes after it is named."""
    script = "function FindProxyForURL() { return 'PROXY gone.test:1; PROXY proxy.test:2; DIRECT'; }"
    ranges, _ = check(with_script(200, script))
    assert (ranges.status, ranges.reason) == (Status.FAIL, "unreachable")
    assert "names http://proxy.test:2, a direct connection for this case" in ranges.summary


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (404, "", (Status.FAIL, "unreachable")),
        (200, "function FindProxyForURL() { throw 'no\x1b' }", (Status.UNKNOWN, "not_testable")),
        (200, "x" * (2 << 20), (Status.UNKNOWN, "not_testable")),
    ],
)
def test_a_script_that_is_not_there_or_fails_is_named(status: int, text: str, expected: tuple[Status, str]) -> None:
    """A missing script fails, one that does not work leaves the route unknown; ranges are then not tested."""
    ranges, way = check(with_script(status, text))
    assert (way.status, way.reason) == expected
    assert ranges.status is Status.SKIP
    assert "\x1b" not in way.summary


def test_a_script_in_a_file_that_is_not_there_is_the_callers_mistake() -> None:
    """What the command line names must be readable."""
    with pytest.raises(UsageError, match="cannot be read"):
        check(network(), choice=Choice(pac="/no/such/file.pac"))


def test_a_script_scheme_that_windows_does_not_read_is_named() -> None:
    """A file URL in the settings is no mistake of the command line, and is told in a finding."""
    _, way = route(ProxySettings(system=SystemSettings("Windows", pac_url="file://c:/p.pac")))
    assert (way.status, way.reason) == (Status.UNKNOWN, "not_testable")
    assert "by http, by https and from a file's path" in way.summary


def test_several_urls_are_each_reported() -> None:
    """Each URL has its route and its ranges; the same one twice is looked at once."""
    found = check(network(), URL, "http://files.test/other.bin", f" {URL} ")
    assert [(finding.id, finding.target) for finding in found] == [
        ("proxy.range", URL),
        ("proxy.range", "http://files.test/other.bin"),
        ("proxy.route", URL),
        ("proxy.route", "http://files.test/other.bin"),
    ]


def test_without_urls_the_documented_file_is_asked_for() -> None:
    """Microsoft's test file is the default."""
    assert Options().urls == (TEST_FILE_URL,)


@pytest.mark.parametrize(
    ("urls", "proxy", "words"),
    [
        (("ftp://a.test/",), None, "write http://HOST/PATH"),
        (("http://a.test/\x1b[31m",), None, "no spaces or control characters"),
        ((URL,) * (MOST_URLS + 1), None, "at most 64 URLs"),
        ((URL,), "http://", "http://HOST:PORT"),
    ],
)
def test_what_cannot_be_asked_is_refused_beforehand(urls: tuple[str, ...], proxy: str | None, words: str) -> None:
    """Unusable URLs, too many of them and an unusable proxy are mistakes of the caller's."""
    with pytest.raises(UsageError, match=words) as caught:
        Options(urls, Choice(proxy=proxy))
    assert "\x1b" not in str(caught.value)


def certificate(issuer: str, *, verified: bool = True) -> Certificate:
    """Return a certificate by ``issuer``."""
    return Certificate(SERVICE, (SERVICE,), issuer, "", datetime(2030, 1, 1, tzinfo=UTC), verified)


@pytest.mark.parametrize(
    ("host", "seen", "direct", "harmless"),
    [
        (SERVICE, certificate("Microsoft Corporation"), certificate("Microsoft Corporation"), None),
        (SERVICE, certificate("DigiCert Inc"), None, None),
        (SERVICE, certificate("Snoop"), certificate("Microsoft Corporation"), False),
        (SERVICE, certificate("Snoop"), None, False),
        (SERVICE, certificate("Snoop"), certificate("Snoop"), False),
        (SERVICE, certificate("DigiCert Inc", verified=False), certificate("Microsoft Corporation"), False),
        ("fe2cr.update.microsoft.com", certificate("Snoop"), None, True),
        ("fe2cr.update.microsoft.com", certificate("Snoop", verified=False), None, False),
        ("files.test", certificate("Snoop"), certificate("Own Authority"), True),
        ("files.test", certificate("Snoop", verified=False), certificate("Own Authority"), False),
        ("files.test", certificate("Own Authority"), certificate("Own Authority"), None),
        ("files.test", certificate("Own Authority"), None, None),
        ("files.test", certificate("Amazon"), certificate("Let's Encrypt"), None),
        ("files.test", None, certificate("Own Authority"), None),
    ],
)
def test_interception_is_judged_by_the_issuer(
    host: str, seen: Certificate | None, direct: Certificate | None, harmless: bool | None
) -> None:
    """Another issuer than without the proxy, or a private one for a documented host, gives an interceptor away.

    It is harmless where the machine trusts it and the service behind the host pins no certificate.
    """
    found = find_interception(host, seen, direct)
    assert (None if found is None else found.harmless) is harmless
    assert found is None or seen is None or seen.issuer in found.detail


def test_every_reason_has_a_remedy_for_proxy_and_server() -> None:
    """No fault is left without something to do, and no product's row can be missed by a misspelt name."""
    faults = set(Reason) - {Reason.OK}
    assert set(AT_PROXY) == set(AT_SERVER) == faults
    assert {name for name, _ in SPECIFIC} <= set(PRODUCTS)
    for reason in faults:
        for by_proxy in (True, False):
            assert "{" not in remedy(reason, None, "http://files.test:8080/f", by_proxy=by_proxy)


@pytest.mark.parametrize("server", ["http://files.test:8080", "http://[2001:db8::7]", "https://files.test"])
def test_a_server_out_of_reach_is_looked_at_where_it_is(server: str) -> None:
    """The command that shows where the way ends has the URL's scheme and port, and neither path nor secrets."""
    url = server.replace("//", "//name:secret@") + "/f?key=1"
    said = remedy(Reason.UNREACHABLE, None, url, by_proxy=False)
    assert said == f"doctl hosts --host {server} shows where the way ends."


@pytest.mark.parametrize(
    ("headers", "status", "by_proxy", "name"),
    [
        ({"via": "1.1 gate (squid/5.7)", "server": "nginx"}, 206, True, "squid"),
        ({"server": "nginx/1.22"}, 206, True, ""),
        ({"server": "squid/5.7"}, 407, True, "squid"),
        ({"server": "nginx/1.22"}, 200, False, "nginx"),
        ({}, 206, True, ""),
    ],
)
def test_a_product_is_known_by_its_own_headers(headers: dict[str, str], status: int, by_proxy: bool, name: str) -> None:
    """A proxy is named by Via, or by Server in an answer of its own; a server by Server, for itself alone."""
    assert product(Answer(FIRST[1], status, headers), by_proxy) == name
