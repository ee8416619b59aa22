"""Which proxy applies to a URL: the command line first, then the environment, then the system; each with its reason."""

import pytest

from doctl.errors import UsageError
from doctl.net.proxies.route import Choice, ProxySettings, SystemSettings, choose, destination

HTTP, HTTPS = "http://files.test/a", "https://files.test/a"
WINDOWS = SystemSettings("Windows", {"http": "win.test:8080"}, ("<local>", "*.inside.test"), loopback_direct=True)


def route(url: str, settings: ProxySettings, choice: Choice | None = None) -> tuple[str | None, str, str]:
    """Return the proxy, the source and the reason for ``url``."""
    found = choose(url, choice or Choice(), settings)
    return (str(found.proxy) if found.proxy else None), found.source, found.why


@pytest.mark.parametrize(
    ("environment", "url", "proxy", "why"),
    [
        ({"http_proxy": "e.test:1"}, HTTP, "http://e.test:1", "http_proxy in the environment"),
        ({"HTTP_PROXY": "http://e.test:1"}, HTTP, "http://e.test:1", "HTTP_PROXY in the environment"),
        ({"http_proxy": "low:1", "HTTP_PROXY": "up:1"}, HTTP, "http://low:1", "http_proxy in the environment"),
        ({"http_proxy": " ", "HTTP_PROXY": "up:1"}, HTTP, "http://up:1", "HTTP_PROXY in the environment"),
        ({"https_proxy": "e.test:1"}, HTTP, None, "no proxy is set"),
        ({"https_proxy": "e.test:1"}, HTTPS, "http://e.test:1", "https_proxy in the environment"),
        ({"ALL_PROXY": "e.test:1"}, HTTPS, "http://e.test:1", "ALL_PROXY in the environment"),
        ({"http_proxy": "e.test:1", "all_proxy": "f:1"}, HTTP, "http://e.test:1", "http_proxy in the environment"),
        (
            {"HTTP_PROXY": "e.test:1", "NO_PROXY": "x.test,files.test"},
            HTTP,
            None,
            "NO_PROXY in the environment names files.test, which goes past HTTP_PROXY",
        ),
        (
            {"http_proxy": "e.test:1", "no_proxy": "x.test", "NO_PROXY": "files.test"},
            HTTP,
            "http://e.test:1",
            "http_proxy in the environment",
        ),
        ({"no_proxy": "files.test"}, HTTP, None, "no proxy is set"),
    ],
)
def test_the_environment_decides_and_its_variable_is_named(
    environment: dict[str, str], url: str, proxy: str | None, why: str
) -> None:
    """The scheme's variable comes before all_proxy, lower case before upper case, and exclusions before both."""
    found = route(url, ProxySettings(environment))
    assert (found[0], found[2]) == (proxy, why)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(proxy="o.test:1"), ("http://o.test:1", "option", "--proxy")),
        (Choice(direct=True), (None, "option", "--direct")),
        (Choice(pac="p.pac"), (None, "option", "--pac")),
    ],
)
def test_the_command_line_comes_first(choice: Choice, expected: tuple[str | None, str, str]) -> None:
    """An option beats the environment and the system."""
    assert route(HTTP, ProxySettings({"http_proxy": "e.test:1"}, WINDOWS), choice) == expected


def test_options_exclude_each_other() -> None:
    """Two ways at once are the caller's mistake."""
    with pytest.raises(UsageError, match="exclude each other"):
        Choice(proxy="a:1", direct=True)


@pytest.mark.parametrize(
    ("url", "proxy", "why"),
    [
        (HTTP, "http://win.test:8080", "Windows: a fixed proxy"),
        (HTTPS, None, "Windows: no proxy is set for https"),
        ("http://intranet/", None, "Windows: the exception <local> covers the host"),
        ("http://a.inside.test/", None, "Windows: the exception *.inside.test covers the host"),
        ("http://127.0.0.1/", None, "Windows: this machine itself is never asked through a proxy"),
    ],
)
def test_the_system_decides_with_its_exceptions(url: str, proxy: str | None, why: str) -> None:
    """The system's proxy for the scheme applies unless an exception covers the host, which is named."""
    assert route(url, ProxySettings(system=WINDOWS))[::2] == (proxy, why)


def test_a_script_comes_before_a_fixed_proxy() -> None:
    """Where the system has both a PAC and a fixed proxy, the PAC decides."""
    system = SystemSettings("Windows", {"http": "win.test:8080"}, pac_url="http://p.test/p.pac")
    found = choose(HTTP, Choice(), ProxySettings(system=system))
    assert (found.proxy, found.pac_url) == (None, "http://p.test/p.pac")


def test_what_else_is_set_is_said() -> None:
    """WPAD, WinHTTP's own proxy and settings that could not be read are named beside the route."""
    system = SystemSettings("Windows", auto_detect=True)
    notes = choose(HTTP, Choice(), ProxySettings(system=system, winhttp="10.0.0.1:8080")).notes
    assert "WPAD" in notes[0]
    assert "10.0.0.1:8080" in notes[1]
    assert "loses" in notes[1]
    assert choose(HTTP, Choice(), ProxySettings(unreadable="no rights")).notes == ("no rights",)


@pytest.mark.parametrize(
    ("system", "environment", "says"),
    [
        (WINDOWS, {"http_proxy": "e.test:1"}, "http://win.test:8080"),
        (SystemSettings("Windows"), {"http_proxy": "e.test:1"}, "directly"),
        (SystemSettings("Windows", pac_url="http://p.test"), {"http_proxy": "e.test:1"}, "by a PAC script"),
        (WINDOWS, {"http_proxy": "win.test:8080"}, ""),
        (None, {"http_proxy": "e.test:1"}, ""),
    ],
)
def test_an_environment_that_hides_the_systems_settings_is_named(
    system: SystemSettings | None, environment: dict[str, str], says: str
) -> None:
    """Delivery Optimization does not read the environment, which is said where that makes a difference."""
    warning = choose(HTTP, Choice(), ProxySettings(environment, system)).warning
    assert says in warning
    assert bool(says) is bool(warning)


def test_an_unusable_setting_is_named_without_its_password() -> None:
    """A variable that holds no proxy is named, and what it holds is not repeated."""
    with pytest.raises(UsageError, match=r"^http_proxy in the environment: ") as caught:
        choose(HTTP, Choice(), ProxySettings({"http_proxy": "http://me:secret@:x"}))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://a.test", "a.test", "http://", "http://[", "http://a.test:x/", "\x1b[31m"])
def test_only_http_has_a_route(url: str) -> None:
    """Anything but http and https is the caller's mistake, told without control characters."""
    with pytest.raises(UsageError, match="http://HOST/PATH") as caught:
        destination(url)
    assert "\x1b" not in str(caught.value)
