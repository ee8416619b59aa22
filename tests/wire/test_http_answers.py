"""What answers to requests for a file mean, as tables of status and headers."""

from datetime import UTC, datetime

import pytest

from doctl.errors import BusyError, ContentError, DoctlError, OriginError
from doctl.wire.http_answers import Answer, Description, Version
from doctl.wire.ranges import ContentRange

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
OLD = "Fri, 30 Jan 2026 12:00:00 GMT"
DATE = "Sat, 31 Jan 2026 12:00:00 GMT"
FIRST = {"content-range": "bytes 0-0/1000", "content-length": "1"}
PART = {"content-range": "bytes 100-199/1000", "content-length": "100", "etag": '"one"'}
ASKED = ContentRange(100, 199, None)
KNOWN = Version(1000, '"one"', OLD)


def answer(status: int, headers: dict[str, str]) -> Answer:
    """Make an answer of ``http://host/f``."""
    return Answer("http://host/f", status, headers, NOW)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (206, FIRST | {"etag": '"x"'}, Description(Version(1000, '"x"'), True, '"x"')),
        (206, FIRST | {"etag": 'W/"x"'}, Description(Version(1000, 'W/"x"'), True, None)),
        (206, FIRST | {"last-modified": OLD, "date": DATE}, Description(Version(1000, None, OLD), True, OLD)),
        (206, FIRST | {"last-modified": DATE, "date": DATE}, Description(Version(1000, None, DATE), True, None)),
        (206, FIRST | {"last-modified": OLD}, Description(Version(1000, None, OLD), True, None)),
        (206, {"content-range": "bytes 0-0/*"}, Description(Version(None), False, None)),
        (206, FIRST | {"content-encoding": "identity"}, Description(Version(1000), True, None)),
        (200, {"content-length": "1000", "accept-ranges": "bytes"}, Description(Version(1000), False, None)),
        (200, {"content-length": "0"}, Description(Version(0), False, None)),
        (200, {"transfer-encoding": "chunked"}, Description(Version(None), False, None)),
        (200, {"transfer-encoding": "chunked", "content-length": "7"}, Description(Version(None), False, None)),
        (200, {}, Description(Version(None), False, None)),
        (416, {"content-range": "bytes */0"}, Description(Version(0), False, None)),
    ],
)
def test_what_the_first_answer_tells(status: int, headers: dict[str, str], expected: Description) -> None:
    """Length, whether ranges work, and what If-Range may carry come from the answer to the first byte."""
    assert answer(status, headers).describe() == expected


Row = tuple[int, dict[str, str], type[DoctlError], str]
REFUSED: list[Row] = [
    (401, {}, OriginError, "wants a name and a password"),
    (403, {}, OriginError, "refuses to give the file"),
    (404, {}, OriginError, "has no such file"),
    (407, {}, OriginError, "a proxy on the way wants a name and a password"),
    (410, {}, OriginError, "no longer has the file"),
    (416, {"content-range": "bytes */1000"}, OriginError, "outside the file"),
    (416, {}, OriginError, "outside the file"),
    (418, {}, OriginError, "418 I'm a Teapot, which is of no use"),
    (204, {}, OriginError, "204 No Content, which is of no use"),
    (304, {}, OriginError, "304 Not Modified, which is of no use"),
    (799, {}, OriginError, "answered 799, which is of no use"),
    (511, {}, OriginError, "the network wants a login"),
    (501, {}, OriginError, "501 Not Implemented"),
    (408, {}, BusyError, "408 Request Timeout"),
    (429, {}, BusyError, "429 Too Many Requests"),
    (500, {}, BusyError, "500 Internal Server Error"),
    (503, {}, BusyError, "503 Service Unavailable"),
    (599, {}, BusyError, "answered 599"),
]
BROKEN: list[Row] = [
    (206, {}, OriginError, 'Content-Range is ""'),
    (206, {"content-range": f"bytes 0-0/{2**62}"}, OriginError, "more than 1 TiB is not taken"),
    (200, {"content-length": str(2**40 + 1)}, OriginError, "more than 1 TiB is not taken"),
    (206, {"content-range": "bytes 1-1/1000"}, OriginError, "sent bytes 1-1 instead of 0-0"),
    (206, FIRST | {"content-length": "2"}, OriginError, "announces 2 bytes for a part of 1"),
    (206, FIRST | {"content-length": "x"}, OriginError, 'Content-Length is "x"'),
    (206, FIRST | {"content-encoding": "gzip"}, OriginError, "sent the file encoded (gzip)"),
    (200, {"content-encoding": "br"}, OriginError, "sent the file encoded (br)"),
    (206, {"content-type": "multipart/byteranges; boundary=x"}, OriginError, "several parts"),
]


@pytest.mark.parametrize(("status", "headers", "kind", "reason"), REFUSED + BROKEN)
def test_first_answers_that_are_of_no_use(
    status: int, headers: dict[str, str], kind: type[DoctlError], reason: str
) -> None:
    """Each refusal has words of its own, names the URL, and says by its kind whether asking again may help."""
    with pytest.raises(OriginError) as caught:
        answer(status, headers).describe()
    assert type(caught.value) is kind
    assert reason in str(caught.value)
    assert str(caught.value).startswith("http://host/f: ")


@pytest.mark.parametrize(
    "headers",
    [
        PART,
        PART | {"etag": 'W/"one"'},
        {"content-range": "bytes 100-199/*"},
        {"content-range": "bytes 100-199/1000", "transfer-encoding": "chunked"},
    ],
)
def test_the_part_that_was_asked_for(headers: dict[str, str]) -> None:
    """A part is right as long as nothing in its head speaks against it."""
    answer(206, headers).check_part(ASKED, KNOWN)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "reason"),
    [
        (206, PART | {"etag": '"two"'}, ContentError, "the file changed on the server while it was being fetched"),
        (206, PART | {"content-range": "bytes 100-199/1001"}, ContentError, "changed"),
        (200, {"content-length": "1000", "etag": '"two"'}, ContentError, "changed"),
        (200, {"content-length": "999"}, ContentError, "changed"),
        (200, {"last-modified": DATE}, ContentError, "changed"),
        (416, {"content-range": "bytes */50"}, ContentError, "changed"),
        (416, {"content-range": "bytes */1000"}, OriginError, "outside the file"),
        (200, {"content-length": "1000", "etag": '"one"'}, OriginError, "whole file instead of bytes 100-199; the"),
        (206, PART | {"content-range": "bytes 0-99/1000"}, OriginError, "a proxy on the way breaks range requests"),
        (206, PART | {"content-range": "bytes 100-198/1000"}, OriginError, "100-198 instead of 100-199"),
        (206, PART | {"content-length": "99"}, OriginError, "announces 99 bytes for a part of 100"),
        (206, PART | {"content-length": "101"}, OriginError, "announces 101 bytes for a part of 100"),
        (206, PART | {"content-encoding": "gzip"}, OriginError, "sent the file encoded (gzip)"),
        (206, {"content-type": "Multipart/ByteRanges; boundary=x"}, OriginError, "several parts"),
        (302, {"location": "http://other/"}, OriginError, "302 Found, which is of no use"),
        (503, {}, BusyError, "503"),
    ],
)
def test_parts_that_are_not_what_was_asked_for(
    status: int, headers: dict[str, str], kind: type[DoctlError], reason: str
) -> None:
    """A changed file is told from broken ranges and from a server that is busy."""
    with pytest.raises(DoctlError) as caught:
        answer(status, headers).check_part(ASKED, KNOWN)
    assert type(caught.value) is kind
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (200, {"content-length": "1000"}, None),
        (200, {"transfer-encoding": "chunked", "etag": '"one"'}, None),
        (200, {"content-length": "999"}, ContentError),
        (200, {"content-length": "1000", "etag": '"two"'}, ContentError),
        (200, {"content-encoding": "gzip"}, OriginError),
        (206, PART, OriginError),
        (500, {}, BusyError),
    ],
)
def test_the_whole_file(status: int, headers: dict[str, str], kind: type[DoctlError] | None) -> None:
    """A plain stream is used only when it is the version that was described."""
    if kind is None:
        answer(status, headers).check_whole(KNOWN)
    else:
        with pytest.raises(kind):
            answer(status, headers).check_whole(KNOWN)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 31 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 31 Jan 2026 12:00:30 GMT", "date": "Sat, 31 Jan 2026 12:00:20 GMT"}, 10.0),
        ({"retry-after": OLD}, 0.0),
    ],
)
def test_how_long_a_busy_server_asks_to_wait(headers: dict[str, str], wait: float | None) -> None:
    """Retry-After is read in both forms, a date by the server's own clock where it shows that."""
    refusal = answer(503, headers).refusal()
    assert isinstance(refusal, BusyError)
    assert refusal.wait == wait


@pytest.mark.parametrize(
    ("status", "headers", "location"),
    [(301, {"location": "/x"}, "/x"), (308, {"location": "y"}, "y"), (200, {"location": "/x"}, None), (304, {}, None)],
)
def test_redirects_are_told_from_other_answers(status: int, headers: dict[str, str], location: str | None) -> None:
    """Only the five statuses that redirect a GET do."""
    assert answer(status, headers).redirect() == location


def test_a_redirect_must_say_where_to() -> None:
    """A redirect without Location is the server's mistake."""
    with pytest.raises(OriginError, match=r"http://host/f: redirects \(answer 307\) without saying where to"):
        answer(307, {}).redirect()


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (Version(1000, '"one"', OLD), False),
        (Version(1000, 'W/"one"', DATE), False),
        (Version(None, None, None), False),
        (Version(None, None, OLD), False),
        (Version(1001, '"one"', OLD), True),
        (Version(1000, '"two"', OLD), True),
        (Version(1000, None, DATE), True),
    ],
)
def test_when_two_answers_are_of_different_versions(other: Version, differs: bool) -> None:
    """Length and tag decide, the date only without tags; what an answer does not say proves nothing."""
    assert KNOWN.differs(other) is differs
    assert other.differs(KNOWN) is differs
