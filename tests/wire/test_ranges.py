"""Range requests: what is asked, what answers may say, and which validators may be relied on."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from doctl.errors import OriginError
from doctl.wire import ranges
from doctl.wire.ranges import ContentRange, ETag

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
LARGEST = 2**63 - 1


def test_range_headers() -> None:
    """A range names its first and last byte, an open one its first."""
    assert ranges.byte_range(0, 0) == "bytes=0-0"
    assert ranges.byte_range(1048576, 2097151) == "bytes=1048576-2097151"
    assert ranges.byte_range(500) == "bytes=500-"


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 4)])
def test_impossible_ranges_are_never_asked_for(first: int, last: int) -> None:
    """A range that no server could satisfy is the caller's mistake."""
    with pytest.raises(ValueError, match="no such range"):
        ranges.byte_range(first, last)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 0-0/1", ContentRange(0, 0, 1)),
        ("bytes 0-99/1000", ContentRange(0, 99, 1000)),
        ("bytes 42-1233/*", ContentRange(42, 1233, None)),
        (" \tBytes  900-999/1000 ", ContentRange(900, 999, 1000)),
        (f"bytes 0-{LARGEST - 1}/{LARGEST}", ContentRange(0, LARGEST - 1, LARGEST)),
    ],
)
def test_content_range(value: str, expected: ContentRange) -> None:
    """The forms of RFC 9110 section 14.4 are read; the unit counts in any case, white space around is no part."""
    assert ranges.parse_content_range(value) == expected


def test_the_size_of_a_range() -> None:
    """Both ends are included."""
    assert ContentRange(10, 19, None).size == 10


@pytest.mark.parametrize(
    "value",
    ["", "bytes", "bytes 0-99", "bytes 0-99/", "bytes 0-/100", "bytes -99/100", "bytes */100", "bytes */*", "0-99/100",
     "bytes=0-99/100", "items 0-99/100", "bytes 0 - 99/100", "bytes 0-99 / 100", "bytes 0-99/100x", "bytes +0-99/100",
     "bytes 0-99/1e3", "bytes 0x0-0x1/100", "bytes 0-99/100, bytes 0-99/100", "bytes 0-9,20-29/100",
     "bytes \u0660-\u0669/10", "bytes 0-99/100\n", "bytes 0-99/100\x00"],
)  # fmt: skip
def test_what_is_no_content_range(value: str) -> None:
    """Anything but the exact form is refused, in one line fit to show."""
    with pytest.raises(OriginError, match="a 206 answer needs bytes FIRST-LAST/TOTAL") as caught:
        ranges.parse_content_range(value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "value",
    ["bytes 5-4/10", "bytes 0-10/10", "bytes 0-0/0", "bytes 10-19/5", f"bytes 0-{LARGEST}/*",
     f"bytes 0-1/{LARGEST + 1}" , f"bytes 0-{LARGEST + 1}/{LARGEST + 2}"],
)  # fmt: skip
def test_content_ranges_out_of_bounds(value: str) -> None:
    """A range that ends before it starts, reaches past the total or past any file is refused."""
    with pytest.raises(OriginError, match="FIRST <= LAST < TOTAL"):
        ranges.parse_content_range(value)


def test_long_nonsense_is_shown_short() -> None:
    """A megabyte of header becomes a short line."""
    with pytest.raises(OriginError) as caught:
        ranges.parse_content_range("bytes " + "9" * (1 << 20))
    assert len(str(caught.value)) < 200


def test_unsatisfied_range() -> None:
    """A 416 answer gives the total."""
    assert ranges.parse_unsatisfied_range("bytes */1234") == 1234
    assert ranges.parse_unsatisfied_range("bytes */0") == 0


@pytest.mark.parametrize("value", ["", "bytes 0-1/2", "bytes */*", "bytes */", "bytes */-1", f"bytes */{LARGEST + 1}"])
def test_what_is_no_unsatisfied_range(value: str) -> None:
    """A 416 answer that gives no usable total is refused."""
    with pytest.raises(OriginError, match="a 416 answer needs"):
        ranges.parse_unsatisfied_range(value)


def test_content_length() -> None:
    """Digits are a length."""
    assert ranges.parse_content_length("0") == 0
    assert ranges.parse_content_length(f" {LARGEST}\t") == LARGEST


@pytest.mark.parametrize(
    "value", ["", "-1", "+1", "1.0", "1_000", "0x10", "1, 1", "\u0663", "1 1", str(LARGEST + 1), "1\n"]
)
def test_what_is_no_content_length(value: str) -> None:
    """Signs, other digits, lists and numbers past any file are refused, though int() would take some of them."""
    with pytest.raises(OriginError, match="must be one number of bytes"):
        ranges.parse_content_length(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [('"abc"', ETag("abc", weak=False)), ('W/"abc"', ETag("abc", weak=True)), ('""', ETag("", weak=False)),
     (' "a,b" ', ETag("a,b", weak=False)), ('"é"', ETag("é", weak=False))],
)  # fmt: skip
def test_entity_tags(value: str, expected: ETag) -> None:
    """Strong and weak tags are told apart, and written as they were read."""
    tag = ranges.parse_etag(value)
    assert tag == expected
    assert str(tag) == value.strip()


@pytest.mark.parametrize(
    "value", ["", "abc", '"', '"a"b"', 'w/"a"', 'W/ "a"', "'a'", '"a b"', '"a\x00"', '"€"', '"a", "b"']
)
def test_what_is_no_entity_tag(value: str) -> None:
    """Missing quotes, quotes within, a small w, control characters and lists are refused."""
    with pytest.raises(OriginError, match="double quotes"):
        ranges.parse_etag(value)


EARLY = "Sat, 31 Jan 2026 11:00:00 GMT"
LATER = "Sat, 31 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("etag", "modified", "date", "expected"),
    [
        ('"v1"', EARLY, LATER, '"v1"'),
        ('"v1"', None, None, '"v1"'),
        ('W/"v1"', EARLY, LATER, None),  # a date beside a weak tag is no better than the tag
        ("v1", EARLY, LATER, None),
        (None, EARLY, LATER, EARLY),
        (None, f" {EARLY}", LATER, EARLY),
        (None, EARLY, EARLY, None),  # it may have changed again within that second
        (None, LATER, EARLY, None),
        (None, EARLY, None, None),
        (None, None, LATER, None),
        (None, "yesterday", LATER, None),
        (None, EARLY, "today", None),
        (None, None, None, None),
    ],
)
def test_if_range(etag: str | None, modified: str | None, date: str | None, expected: str | None) -> None:
    """Only a strong tag, or without any tag a date that is a strong validator, goes into If-Range."""
    assert ranges.if_range(etag, modified, date) == expected


@pytest.mark.parametrize(
    "value", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_the_three_forms_of_a_date(value: str) -> None:
    """The form in use and the two obsolete ones that recipients must read are the same moment."""
    assert ranges.parse_http_date(value) == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["", "x", "Sun, 06 Nov 99999 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "1" * 9999]
)
def test_what_is_no_date(value: str) -> None:
    """Nonsense is no date, and no exception either."""
    assert ranges.parse_http_date(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("86401", 86400.0),
        ("9" * 19, 86400.0),
        ("9" * 20, None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Sat, 31 Jan 2026 12:02:00 GMT", 120.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("Fri, 31 Jan 2036 12:00:00 GMT", 86400.0),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    """Seconds and dates become a bounded wait, the past becomes no wait, and nonsense becomes nothing."""
    assert ranges.parse_retry_after(value, NOW) == expected


def test_retry_after_where_the_clock_has_another_zone() -> None:
    """The zone that now is told in makes no difference."""
    here = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert ranges.parse_retry_after("Sat, 31 Jan 2026 12:02:00 GMT", here) == 120.0
