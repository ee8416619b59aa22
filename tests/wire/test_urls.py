"""Which URLs are usable, where redirects may lead, and what of a URL is shown."""

import pytest

from doctl.errors import OriginError, UsageError
from doctl.wire.urls import LONGEST, MOST_REDIRECTS, next_hop, shown, usable


@pytest.mark.parametrize(
    "url", ["http://host/a", "https://host", "http://user:pw@host:8080/a?b=c", "http://[::1]:80/x", "  http://host/  "]
)
def test_http_urls_are_usable(url: str) -> None:
    """What can be fetched is given back as it was, without white space around it."""
    assert usable(url) == url.strip()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "http://HOST/PATH"),
        ("host/path", "http://HOST/PATH"),
        ("ftp://host/a", "http://HOST/PATH"),
        ("file:///etc/passwd", "http://HOST/PATH"),
        ("http:///a", "names no host"),
        ("http://host:0/", "no port 0"),
        ("http://host:99999/", "Port out of range"),
        ("http://host:x/", "Port could not be cast"),
        ("http://[::1/", "IPv6"),
        ("http://host/a b", "%20"),
        ("http://host/a\r\nX-Evil: 1", "%20"),
        ("http://host/" + "a" * LONGEST, f"at most {LONGEST}"),
    ],
)
def test_other_urls_are_refused_with_the_reason(url: str, reason: str) -> None:
    """A URL that cannot be fetched is the caller's mistake, in one printable line."""
    with pytest.raises(UsageError) as caught:
        usable(url)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://user:secret@host:81/a/b?token=secret#secret", "http://host:81/a/b"),
        ("/relative?secret", "/relative"),
        ("http://", "http://"),
        ("file:///etc/hosts", "file:///etc/hosts"),
        ("http://user:secret@[::1", "[::1"),
        ("http://host/\x1b[2Jx", "http://host/\\x1b[2Jx"),
        ("http://host/" + "a" * 500, "http://host/" + "a" * 108 + "..."),
    ],
)
def test_what_is_shown_holds_no_secret_and_no_tricks(url: str, text: str) -> None:
    """Credentials, query and fragment are left out, control characters made visible, length is bounded."""
    assert shown(url) == text


@pytest.mark.parametrize(
    ("here", "location", "there"),
    [
        ("http://host/a/b", "c", "http://host/a/c"),
        ("http://host/a/b", "/c?d", "http://host/c?d"),
        ("http://host/a", "//other/c", "http://other/c"),
        ("http://host/a", "https://host/a", "https://host/a"),
        ("http://host/a", "http://other/a#part", "http://other/a"),
        ("http://user:pw@host/a", "/b", "http://user:pw@host/b"),
        ("http://user:pw@host/a", "http://HOST:80/b", "http://user:pw@host/b"),
        ("http://user:pw@host/a", "http://other/b", "http://other/b"),
        ("http://user:pw@host/a", "http://host:81/b", "http://host:81/b"),
        ("http://user:pw@host/a", "https://host/b", "https://host/b"),
        ("http://host/a", "http://user:pw@other/b", "http://other/b"),
    ],
)
def test_a_redirect_leads_on(here: str, location: str, there: str) -> None:
    """Relative and absolute targets are understood, and credentials stay with the server they were given for."""
    assert next_hop([here], location) == there


@pytest.mark.parametrize(
    ("here", "location", "reason"),
    [
        ("https://host/a", "http://host/a", "from https down to http"),
        ("http://host/a", "ftp://host/a", "not usable"),
        ("http://host/a", "file:///etc/passwd", "not usable"),
        ("http://host/a", "http://[::1", "not usable"),
        ("http://host/a", "http://:80/", "not usable"),
        ("http://host/a", "/" + "a" * LONGEST, "not usable"),
        ("http://host/a", "/a", "circle: http://host/a -> http://host/a"),
    ],
)
def test_a_redirect_that_may_not_be_followed(here: str, location: str, reason: str) -> None:
    """The server's mistake is told with both ends of the step."""
    with pytest.raises(OriginError) as caught:
        next_hop([here], location)
    assert reason in str(caught.value)
    assert shown(here) in str(caught.value)


def test_a_circle_is_named_from_where_it_begins() -> None:
    """Only the hops that go round are listed."""
    with pytest.raises(OriginError, match=r"circle: http://h/b -> http://h/c -> http://h/b$"):
        next_hop(["http://h/a", "http://h/b", "http://h/c"], "/b")


def test_the_number_of_redirects_is_bounded() -> None:
    """As many redirects as are allowed are followed, and not one more."""
    trail = [f"http://h/{n}" for n in range(MOST_REDIRECTS)]
    trail.append(next_hop(trail, "/last"))
    with pytest.raises(OriginError, match="http://h/0: more than 10 redirects, the last to http://h/further"):
        next_hop(trail, "/further")
