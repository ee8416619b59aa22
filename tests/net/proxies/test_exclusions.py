"""Exclusion lists cover what their own system says they cover, and nothing else."""

import pytest

from doctl.net.proxies.exclusions import Destination, environment_rule, matches, split_list, system_rule
from doctl.net.proxies.route import destination


@pytest.mark.parametrize(
    ("no_proxy", "url", "rule"),
    [
        ("*", "http://a.test/", "*"),
        ("", "http://a.test/", None),
        (" , ,", "http://a.test/", None),
        ("a.test", "http://a.test/", "a.test"),
        ("a.test", "http://x.A.TEST/", "a.test"),
        ("a.test", "http://xa.test/", None),
        (".a.test", "http://a.test/", ".a.test"),
        ("*.a.test", "http://x.a.test/", "*.a.test"),
        ("b.test,a.test c.test", "http://a.test./", "a.test"),
        ("a.test:8080", "http://a.test:8080/", "a.test:8080"),
        ("a.test:8080", "http://a.test/", None),
        ("a.test:443", "https://a.test/", "a.test:443"),
        ("10.0.0.0/8", "http://10.9.8.7/", "10.0.0.0/8"),
        ("10.0.0.0/8", "http://11.9.8.7/", None),
        ("10.0.0.0/8", "http://ten.test/", None),
        ("10.1.2.3", "http://10.1.2.3/", "10.1.2.3"),
        ("[2001:db8::1]:80", "http://[2001:DB8:0::1]/", "[2001:db8::1]:80"),
        ("2001:db8::/32", "http://[2001:db8::9]/", "2001:db8::/32"),
        ("::1", "http://127.0.0.1/", None),
        ("a.test:99999999999999999999", "http://a.test/", None),
        ("." * 5000 + ",*", "http://a.test/", "*"),
    ],
)
def test_no_proxy_covers_names_below_addresses_and_networks(no_proxy: str, url: str, rule: str | None) -> None:
    """The entry that takes a URL past the proxy is named; a name covers what is below it."""
    assert environment_rule(destination(url), no_proxy) == rule


@pytest.mark.parametrize(
    ("entry", "url", "covers"),
    [
        ("<local>", "http://intranet/", True),
        ("<local>", "http://intranet.test/", False),
        ("<local>", "http://[fe80::1]/", False),
        ("a.test", "http://a.test/", True),
        ("a.test", "http://x.a.test/", False),
        ("*.a.test", "http://x.a.test/", True),
        ("*.A.Test", "http://x.a.test/", True),
        ("*a.test", "http://xa.test/", True),
        ("10.*", "http://10.9.8.7/", True),
        ("10.*", "http://100.9.8.7/", False),
        ("*.b.*", "http://a.b.test/", True),
        ("https://a.test", "https://a.test/", True),
        ("https://a.test", "http://a.test/", False),
        ("http://a.test:8080", "http://a.test:8080/", True),
        ("a.test:8080", "http://a.test/", False),
        ("169.254/16", "http://169.254.3.4/", True),
        ("169.254/16", "http://169.255.3.4/", False),
        ("fe80::/10", "http://[fe80::7]/", True),
        ("[::1]", "http://[::1]/", True),
        ("", "http://a.test/", False),
    ],
)
def test_lists_of_systems_have_wildcards(entry: str, url: str, covers: bool) -> None:
    """In the lists of Windows and macOS a star stands for anything, and a name covers nothing below it."""
    assert (system_rule(destination(url), (entry,)) == entry) is covers


@pytest.mark.parametrize(
    ("pattern", "text", "match"),
    [("*", "", True), ("a*a", "a", False), ("a*a", "aa", True), ("*a*b*", "xaxbx", True), ("*b*a*", "xaxbx", False)],
)
def test_stars_stand_for_anything_or_nothing(pattern: str, text: str, match: bool) -> None:
    """Each star takes any characters or none, and no character counts twice."""
    assert matches(pattern, text) is match


def test_many_stars_are_no_trap() -> None:
    """A pattern made to be slow is not."""
    assert not matches("*a" * 10_000 + "b", "a" * 10_000)


def test_lists_are_split_as_people_write_them() -> None:
    """Semicolons, commas, spaces and new lines part entries."""
    assert split_list(" a;b, c\nd;; ") == ("a", "b", "c", "d")


def test_a_destination_knows_this_machine() -> None:
    """Loopback addresses and localhost are this machine; a name without a dot is simple."""
    assert all(Destination("http", host, 80).loopback for host in ("localhost", "127.9.9.9", "::1"))
    assert not Destination("http", "10.0.0.1", 80).loopback
    assert Destination("http", "intranet", 80).simple
