"""PAC scripts are run within limits, know the standard functions, and whatever they do wrong is named."""

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from doctl.errors import ContentError, DoctlError, OriginError, RefusedError, UsageError
from doctl.net.fake import FakeNetwork
from doctl.net.proxies import pac, pac_worker
from doctl.net.proxies.address import Proxy
from doctl.net.system import SystemNetwork
from tests.servers.canned import saying
from tests.servers.origin import Origin, redirect

FINDER = "function FindProxyForURL(url, host) {"
NAMES = {
    "files.test": ["2001:db8::5", "192.0.2.5"],
    "six.test": ["2001:db8::6"],
    "late.test": ["10.0.0.1"],
    "later.test": ["10.0.0.2"],
}


class Network(FakeNetwork):
    """A scripted network on whose clock every question takes a second."""

    def now(self) -> float:
        """Return the time, which each look moves on."""
        self.time += 1
        return self.time


def names_for(body: str, url: str = "http://files.test/path?query", timeout: float = 1000) -> pac.Named:
    """Run a script whose function has ``body``."""
    network = Network(names=dict(NAMES))
    return asyncio.run(pac.find_proxies(network, FINDER + body + "}", url, ("10.1.2.3", "2001:db8::7"), timeout))


def value_of(expression: str, **facts: object) -> str:
    """Return what ``expression`` is in a script, without a process of its own."""
    task = {
        "script": f"{FINDER} return 'PROXY ' + ({expression}); }}",
        "url": "http://files.test/",
        "host": "files.test",
        "facts": {"names": NAMES, "own": ["10.1.2.3", "2001:db8::7"], "now": 0, **facts},
    }
    return str(pac_worker.run(task)["result"]).removeprefix("PROXY ")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("isPlainHostName('intranet')", "true"),
        ("isPlainHostName('www.test')", "false"),
        ("isPlainHostName('::1')", "false"),
        ("dnsDomainIs('www.A.test', '.a.test')", "true"),
        ("dnsDomainIs('www.a.test', '.b.test')", "false"),
        ("localHostOrDomainIs('www', 'www.a.test')", "true"),
        ("localHostOrDomainIs('www.a.test', 'www.a.test')", "true"),
        ("localHostOrDomainIs('home.a.test', 'www.a.test')", "false"),
        ("isResolvable('files.test')", "true"),
        ("isResolvable('six.test')", "false"),
        ("isResolvableEx('six.test')", "true"),
        ("dnsResolve('FILES.test')", "192.0.2.5"),
        ("dnsResolve('six.test')", "null"),
        ("dnsResolve('192.0.2.77')", "192.0.2.77"),
        ("dnsResolveEx('files.test')", "2001:db8::5;192.0.2.5"),
        ("dnsDomainLevels('a.b.test')", "2"),
        ("isInNet('files.test', '192.0.2.0', '255.255.255.0')", "true"),
        ("isInNet('192.0.3.5', '192.0.2.0', '255.255.255.0')", "false"),
        ("isInNet('six.test', '192.0.2.0', '255.255.255.0')", "false"),
        ("isInNet('files.test', 'nonsense', '255.255.255.0')", "false"),
        ("isInNet('192.0.2.300', '192.0.2.0', '0.0.0.0')", "false"),
        ("isInNetEx('192.0.2.5', '192.0.2.0/25')", "true"),
        ("isInNetEx('192.0.2.5', '192.0.2.128/25')", "false"),
        ("isInNetEx('2001:db8::5', '2001:db8::/32')", "true"),
        ("isInNetEx('2001:db9::5', '2001:db8::/32')", "false"),
        ("isInNetEx('2001:db8:0:0:0:0:0:5', '2001:db8::5/128')", "true"),
        ("isInNetEx('::ffff:192.0.2.5', '::ffff:0:0/96')", "true"),
        ("isInNetEx('2001:db8::5', '192.0.2.0/24')", "false"),
        ("isInNetEx('1::2::3', '::/0')", "false"),
        ("isInNetEx('1:2', '::/0')", "false"),
        ("isInNetEx('2001:db8::5', '2001:db8::')", "false"),
        ("isInNetEx('2001:db8::5', '2001:db8::/129')", "false"),
        ("myIpAddress()", "10.1.2.3"),
        ("myIpAddressEx()", "10.1.2.3;2001:db8::7"),
        ("sortIpAddressList('10.2.3.9;2001:4898::1;::1;10.2.3.10;x')", "::1;2001:4898::1;10.2.3.9;10.2.3.10"),
        ("shExpMatch('http://a.test/x.js', '*.test/*.js')", "true"),
        ("shExpMatch('http://a.test/x.jsp', '*.test/*.js')", "false"),
        ("shExpMatch('a.test', 'a?test')", "true"),
        ("shExpMatch('a[1]+(2)', 'a[1]+(2)')", "true"),
        ("alert('seen')", "undefined"),
        ("getClientVersion()", "1.0"),
    ],
)
def test_standard_functions(expression: str, value: str) -> None:
    """The functions that every script may count on, those of Windows among them, do what is said of them."""
    assert value_of(expression) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("weekdayRange('WED', 'GMT')", "true"),
        ("weekdayRange('MON', 'FRI', 'GMT')", "true"),
        ("weekdayRange('SAT', 'WED', 'GMT')", "true"),
        ("weekdayRange('THU', 'TUE', 'GMT')", "false"),
        ("weekdayRange('DAY', 'GMT')", "false"),
        ("weekdayRange('GMT')", "false"),
        ("dateRange(24, 'GMT')", "true"),
        ("dateRange(1, 15, 'GMT')", "false"),
        ("dateRange(24, 'DEC', 'GMT')", "true"),
        ("dateRange(24, 'DEC', 2025, 'GMT')", "true"),
        ("dateRange(24, 'NOV', 'GMT')", "false"),
        ("dateRange('OCT', 'GMT')", "false"),
        ("dateRange('NOV', 'FEB', 'GMT')", "true"),
        ("dateRange(2025, 'GMT')", "true"),
        ("dateRange(2026, 2027, 'GMT')", "false"),
        ("dateRange(20, 'DEC', 5, 'JAN', 'GMT')", "true"),
        ("dateRange(1, 'JUN', 15, 'AUG', 'GMT')", "false"),
        ("dateRange('OCT', 2025, 'MAR', 2026, 'GMT')", "true"),
        ("dateRange(1, 'JUN', 2024, 15, 'AUG', 2026, 'GMT')", "true"),
        ("dateRange(1, 'JUN', 2, 'GMT')", "false"),
        ("dateRange()", "false"),
        ("timeRange(13, 'GMT')", "true"),
        ("timeRange(14, 'GMT')", "false"),
        ("timeRange(9, 17, 'GMT')", "true"),
        ("timeRange(22, 6, 'GMT')", "false"),
        ("timeRange(13, 30, 13, 45, 'GMT')", "true"),
        ("timeRange(13, 46, 14, 0, 'GMT')", "false"),
        ("timeRange(23, 0, 13, 45, 'GMT')", "true"),
        ("timeRange(13, 45, 10, 13, 45, 20, 'GMT')", "true"),
        ("timeRange(13, 45, 16, 13, 45, 20, 'GMT')", "false"),
        ("timeRange(1, 2, 3)", "false"),
    ],
)
def test_ranges_of_time(expression: str, value: str) -> None:
    """Days, dates and times are ranges with both ends in them, which may wrap round; this is 24 December, 13:45:15."""
    now = datetime(2025, 12, 24, 13, 45, 15, tzinfo=UTC)
    assert value_of(expression, now=now.timestamp() * 1000) == value


@pytest.mark.skipif(os.name != "posix", reason="only POSIX changes its time zone while running")
def test_times_are_local_unless_gmt_is_said() -> None:
    """Without GMT the machine's own time zone counts."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "XXX-3"
    time.tzset()
    try:
        assert value_of("timeRange(3) + ' ' + timeRange(0, 'GMT') + ' ' + timeRange(0)") == "true true false"
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


@pytest.mark.parametrize(
    ("said", "proxies"),
    [
        ("PROXY a.test:1", ("http://a.test:1",)),
        ("proxy a.test", ("http://a.test:80",)),
        ("PROXY a.test:1; SOCKS b.test; DIRECT", ("http://a.test:1", "socks://b.test:1080", None)),
        ("HTTPS a.test;SOCKS5 b.test:2;HTTP c.test:3", ("https://a.test:443", "socks5://b.test:2", "http://c.test:3")),
        ("PROXY [2001:db8::1]:8", ("http://[2001:db8::1]:8",)),
        ("NONSENSE; DIRECT", (None,)),
        ("PROXY me:secret@a.test:1; DIRECT", (None,)),
        ("PROXY; DIRECT now", (None,)),
        (" ; ;", (None,)),
        ("", (None,)),
        (";".join(["PROXY a.test:1"] * 1000), ("http://a.test:1",)),
    ],
)
def test_results_are_read(said: str, proxies: tuple[str | None, ...]) -> None:
    """A list of proxies is read in its order; what nobody can read is passed over; nothing means direct."""
    found = pac.parse_result(said)
    assert tuple(str(proxy) if proxy else None for proxy in found.proxies) == proxies
    assert "secret" not in found.said


@pytest.mark.parametrize("said", ["gibberish\x1b[31m", "PROXY me:secret@a.test:1", "PROXY a b c"])
def test_a_result_without_a_meaning_is_named(said: str) -> None:
    """A result in which nothing can be read is shown, cleaned and without credentials."""
    with pytest.raises(ContentError, match="PROXY HOST:PORT or DIRECT") as caught:
        pac.parse_result(said)
    assert "secret" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_script_chooses_by_the_addresses_of_names() -> None:
    """Names that a script asks for are resolved between runs, until it knows enough to decide."""
    body = """
        var late = dnsResolve('late.test');
        var later = late ? dnsResolve('later.test') : null;
        return 'PROXY ' + dnsResolve(host) + ':1; PROXY ' + late + ':2; PROXY ' + later + ':3';
    """
    found = names_for(body)
    assert found.proxies == tuple(Proxy.parse(each) for each in ("192.0.2.5:1", "10.0.0.1:2", "10.0.0.2:3"))


@pytest.mark.parametrize(
    ("url", "given"),
    [
        ("http://files.test/path?query#part", "http://files.test/path?query"),
        ("http://me:secret@files.test:8080/path", "http://files.test:8080/path"),
        ("https://files.test/path?query", "https://files.test/"),
        ("https://files.test:8443/path", "https://files.test:8443/"),
    ],
)
def test_scripts_see_what_browsers_show_them(url: str, given: str) -> None:
    """A script sees the path of an http URL, of https neither path nor query, and never credentials."""
    assert pac.address_for_script(url) == given


def test_windows_own_function_comes_first() -> None:
    """A script with both functions is asked by the one that Windows prefers, even if it is no property of the world."""
    script = "const FindProxyForURLEx = () => 'PROXY ex.test:1'; function FindProxyForURL() { return 'DIRECT'; }"
    found = asyncio.run(pac.find_proxies(Network(), script, "http://192.0.2.1/", (), 1000))
    assert found.said == "PROXY ex.test:1"


ENDED = "ran longer than 1 s|went past its limits"  # the first by its own clock, the other by ours on a busy machine


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("while (true);", ENDED),
        ("for (;;) isInNet('files.test', '192.0.2.0', '255.255.255.0');", ENDED),
        ("var a = []; for (;;) a.push('x'.repeat(100000) + Math.random());", "more than 16 MiB of memory"),
        ("return FindProxyForURL(url, host) + 1;", "calls itself without end"),
        ("throw new Error('no\\x1b[31m');", r"failed: Error: no\\x1b\[31m"),
        ("throw {toString: 1};", "failed"),
        ("return unknown.variable;", "failed: ReferenceError"),
        ("return 5;", "no text"),
        ("return {};", "no text"),
        ("return '\\ud800';", "a text that is none"),
        ("return 'x'.repeat(1000000);", "more than 10000 characters"),
        ("return new Array(4294967295).join('x');", "went past its limits"),
        ("for (var i = 0; i < 99; i++) dnsResolve('h' + i + '.test');", "more than 32 names"),
        ("dnsResolve('h' + Math.random() + '.test');", "other names each time"),
        ("", None),
        ("return null;", None),
    ],
)
def test_whatever_a_script_does_wrong_is_bounded_and_named(body: str, words: str | None) -> None:
    """Loops, greed, recursion, errors, nonsense and endless questions end soon, each with its own sentence."""
    start = time.monotonic()
    if words is None:
        assert names_for(body).said == "DIRECT"
    else:
        with pytest.raises(ContentError, match=words):
            names_for(body)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "no function FindProxyForURL"),
        ("var FindProxyForURL = 7;", "no function FindProxyForURL"),
        ("function FindProxyForURL( {", "failed: SyntaxError"),
        ("while (true);", ENDED),
        ("<html>not found</html>", "failed: SyntaxError"),
    ],
)
def test_what_is_no_script_is_named(script: str, words: str) -> None:
    """Text that is no PAC script is told apart from one that fails."""
    with pytest.raises(ContentError, match=words):
        asyncio.run(pac.find_proxies(Network(), script, "http://192.0.2.1/", (), 1000))


def test_time_that_is_up_ends_the_rounds() -> None:
    """A script whose names take too long is given up."""
    with pytest.raises(ContentError, match="not done in time"):
        names_for("dnsResolve('a.test'); dnsResolve('b.test');", timeout=2.5)


def test_a_script_cannot_reach_out() -> None:
    """A script finds neither files nor modules nor a network, whatever it looks for."""
    wanted = ("std", "os", "require", "process", "fetch", "XMLHttpRequest", "Worker", "load", "print")
    assert set(value_of(f"[{', '.join(f'typeof {name}' for name in wanted)}].join()").split(",")) == {"undefined"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("é".encode(), "é"),
        ("\ufeffé".encode(), "é"),
        ("é".encode("utf-16"), "é"),
        (b"\xe9", "é"),
        (b"\xfe\xff\xd8", "\ufffd"),
    ],
)
def test_scripts_come_in_several_encodings(data: bytes, text: str) -> None:
    """UTF-8, UTF-16 with its mark, and Latin-1 are read; broken text is no error."""
    assert pac.decode(data) == text


def test_a_file_is_read_and_a_huge_one_refused(tmp_path: Path) -> None:
    """A script is read from a file; of one of 100 MB only the beginning, and it is refused."""
    file, huge = tmp_path / "proxy.pac", tmp_path / "huge.pac"
    file.write_text("script")
    with huge.open("wb") as out:
        out.truncate(100 << 20)
    assert asyncio.run(pac.load(SystemNetwork(), str(file), 5)) == "script"
    with pytest.raises(ContentError, match="more than 1 MiB"):
        asyncio.run(pac.load(SystemNetwork(), str(huge), 5))


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("/no/such/file.pac", UsageError, "cannot be read"),
        ("/", UsageError, "cannot be read"),
        ("a\0b", UsageError, "no file name has"),
        ("file:///c:/p.pac", UsageError, "by http, by https and from a file's path"),
        ("http://127.0.0.1:1/p.pac?secret", RefusedError, "127.0.0.1:1/p.pac: "),
    ],
)
def test_a_source_that_gives_nothing_is_named(source: str, error: type[DoctlError], words: str) -> None:
    """A file that is not there, a scheme nobody reads and a server that is not there are told apart."""
    with pytest.raises(error, match=words) as caught:
        asyncio.run(pac.load(SystemNetwork(), source, 5))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "again", "error", "words"),
    [
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", b"", OriginError, "answered 404"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, ContentError, "more than 1 MiB"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536, OriginError, "not HTTP"),
        (b"gibberish\r\n\r\n", b"", OriginError, "not HTTP"),
    ],
    ids=["not found", "endless script", "endless header", "no HTTP"],
)
def test_a_server_that_gives_no_script_is_named(said: bytes, again: bytes, error: type[DoctlError], words: str) -> None:
    """An error, an endless script and an endless header end soon and are named."""
    with saying(said, again=again) as address, pytest.raises(error, match=words):
        asyncio.run(pac.load(SystemNetwork(), f"http://{address}/p.pac", 5))


def test_a_script_is_fetched() -> None:
    """A script comes from a URL, asked for directly."""
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nscript") as address:
        assert asyncio.run(pac.load(SystemNetwork(), f"http://{address}/p.pac", 5)) == "script"


def test_redirects_are_followed_as_everywhere() -> None:
    """A script may be elsewhere, but not behind more redirects than any other file."""
    with Origin(b"script", redirect("/b", "/c")) as origin:
        assert asyncio.run(pac.load(SystemNetwork(), origin.url, 20)) == "script"
    further = redirect(*(f"/{n}" for n in range(15)))
    with Origin(b"script", further) as origin, pytest.raises(OriginError, match="more than 10 redirects"):
        asyncio.run(pac.load(SystemNetwork(), origin.url, 20))
