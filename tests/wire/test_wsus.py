"""The URLs of a WSUS server, and what its answers show."""

import hashlib

import pytest

from doctl.errors import UsageError
from doctl.wire import wsus
from doctl.wire.range_probes import PART
from doctl.wire.wsus import Place, parse_place
from tests.servers.wsus import CONFIG, DESCRIPTION, FAULT, PAGE, PAYLOAD, PAYLOAD_PATH


@pytest.mark.parametrize(
    ("text", "url", "content"),
    [
        ("http://wsus.test:8530", "http://wsus.test:8530", "http://wsus.test:8530"),
        (" http://wsus.test:8530/ ", "http://wsus.test:8530", "http://wsus.test:8530"),
        ("https://wsus.test:8531", "https://wsus.test:8531", "http://wsus.test:8530"),
        ("https://wsus.test:8531/", "https://wsus.test:8531", "http://wsus.test:8530"),
        ("https://wsus.test", "https://wsus.test", "http://wsus.test"),
        ("https://wsus.test:443", "https://wsus.test:443", "http://wsus.test"),
        ("http://wsus.test", "http://wsus.test", "http://wsus.test"),
        ("https://[2001:db8::1]:8531", "https://[2001:db8::1]:8531", "http://[2001:db8::1]:8530"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]", "http://[2001:db8::1]"),
    ],
)
def test_content_comes_by_plain_http(text: str, url: str, content: str) -> None:
    """Only metadata is encrypted: content is on the port before, or on 80 where metadata is on 443."""
    assert parse_place(text) == Place(url)
    assert parse_place(text).content == content


@pytest.mark.parametrize("path", [PAYLOAD_PATH, PAYLOAD_PATH.lower(), "/Content/AB/x.psf?a=b"])
def test_a_payload_names_its_server(path: str) -> None:
    """A URL below /Content/ is a file to try ranges with, on the server that it is on."""
    assert parse_place(f"http://wsus.test:8530{path}") == Place("http://wsus.test:8530", f"http://wsus.test:8530{path}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("wsus.test:8530", "write http://"),
        ("ftp://wsus.test", "write http://"),
        ("http://", "no host"),
        ("http://wsus.test:8530/selfupdate/wuident.cab", "below /Content/"),
        ("http://wsus.test/?x", "below /Content/"),
        ("http://name:word@wsus.test", "leave name and password out"),
        ("https://wsus.test:1", "no port comes before 1"),
    ],
)
def test_what_is_no_server_is_refused_with_what_would_be_right(text: str, problem: str) -> None:
    """Each wrong URL has one line that says so, without the password in it."""
    with pytest.raises(UsageError, match=problem) as caught:
        parse_place(text)
    assert "word@" not in str(caught.value)


def test_answers_are_told_from_other_peoples() -> None:
    """The configuration names SimpleAuth; a page that only repeats our question is no configuration."""
    assert wsus.is_config(CONFIG.encode())
    assert wsus.is_config(CONFIG.replace("SimpleAuthWebService/SimpleAuth", "simpleauthwebservice/simpleauth").encode())
    assert wsus.is_description(DESCRIPTION.encode())
    for other in (PAGE.encode(), FAULT.encode(), b"", b"You said: " + wsus.GET_CONFIG):
        assert not wsus.is_config(other)


def test_the_protocol_version_is_read() -> None:
    """Where the answer names it."""
    assert wsus.protocol_version(CONFIG.encode()) == "3.2"
    assert wsus.protocol_version(DESCRIPTION.encode()) == ""
    assert wsus.protocol_version(b"<Name>ProtocolVersion</Name>" + b" " * 100_000) == ""


@pytest.mark.parametrize("total", [2, 3, 1000, 24_600, PART * 2, 10**12])
def test_two_ranges_lie_side_by_side_in_the_file(total: int) -> None:
    """They touch, are of one size, and end inside."""
    pair = wsus.adjacent(total)
    assert pair is not None
    assert (pair[0].first, pair[0].last + 1, pair[0].size) == (0, pair[1].first, pair[1].size)
    assert pair[1].last < total


@pytest.mark.parametrize("total", [0, 1])
def test_a_file_too_small_has_no_two_ranges(total: int) -> None:
    """A byte is not divided."""
    assert wsus.adjacent(total) is None


def test_payloads_of_the_double_have_real_names() -> None:
    """Two digits, the last of the SHA-1 that is the name."""
    sha1 = hashlib.sha1(PAYLOAD, usedforsecurity=False).hexdigest().upper()
    assert f"/Content/{sha1[-2:]}/{sha1}.cab" == PAYLOAD_PATH
