"""Answers to range requests are judged by themselves, with each other, and against those without a proxy."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctl.wire.range_faults import Reason, compare, find_fault, find_oddity, tag_of, total_of
from doctl.wire.range_probes import FIRST, Answer, Ask, End, Kind, at_once, one_by_one

TOTAL = 4000
DATA = bytes(range(250)) * 16
ETAG = '"v1"'
ASKS = (*FIRST, *one_by_one(TOTAL, ETAG), *at_once(TOTAL))
HEAD, BYTE, PART, NEXT = ASKS[0], ASKS[1], ASKS[2], ASKS[3]
PAST, STALE, SAME = (next(ask for ask in ASKS if ask.kind is kind) for kind in (Kind.PAST, Kind.CHANGED, Kind.SAME))


def good(ask: Ask) -> Answer:
    """Return the answer of a server that is right in everything."""
    headers = {"etag": ETAG, "content-type": "application/octet-stream"}
    if ask.kind is Kind.PAST:
        return Answer(ask, 416, {"content-range": f"bytes */{TOTAL}"})
    if ask.kind in (Kind.HEAD, Kind.CHANGED):
        return Answer(ask, 200, headers | {"content-length": str(TOTAL)})
    span = {"content-range": f"bytes {ask.first}-{ask.last}/{TOTAL}"}
    return Answer(ask, 206, headers | span, DATA[ask.first : ask.last + 1])


def answers(*changed: Answer) -> list[Answer]:
    """Return right answers to everything, but for some."""
    others = {answer.ask: answer for answer in changed}
    return [others.get(ask) or good(ask) for ask in ASKS]


def having(ask: Ask, **headers: str | None) -> Answer:
    """Return the right answer with other headers, written with _ for -; None leaves one out."""
    answer = good(ask)
    merged = {**answer.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return replace(answer, headers={name: value for name, value in merged.items() if value is not None})


def spanning(ask: Ask, first: int, last: int, total: object = TOTAL) -> Answer:
    """Return an answer that claims to be another range."""
    return having(ask, content_range=f"bytes {first}-{last}/{total}")


def test_right_answers_have_no_fault() -> None:
    """Nothing is found where there is nothing, not even against themselves."""
    assert find_fault(answers()) is None
    assert find_oddity(answers()) is None
    assert compare(answers(), answers()) is None


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (Answer(BYTE, error="files.test: refused"), Reason.RANGE_SHORT, "refused"),
        (Answer(PART, end=End.CLOSED), Reason.RANGE_SHORT, "no answer came"),
        (Answer(BYTE, 407, {"proxy-authenticate": 'Basic realm="x\x1b"'}), Reason.AUTH_REQUIRED, r"proxy .*\(Basic\)"),
        (Answer(BYTE, 401, {"www-authenticate": "Negotiate"}), Reason.AUTH_REQUIRED, r"server .*\(Negotiate\)"),
        (Answer(PART, 403), Reason.FORBIDDEN, "403 Forbidden"),
        (Answer(BYTE, 451), Reason.FORBIDDEN, "451"),
        (
            Answer(BYTE, 302, {"location": "http://x.test/?token"}),
            Reason.CAPTIVE_PORTAL,
            "redirects to http://x.test/$",
        ),
        (Answer(BYTE, 307), Reason.CAPTIVE_PORTAL, "redirects to nowhere"),
        (Answer(BYTE, 511), Reason.CAPTIVE_PORTAL, "511"),
        (Answer(BYTE, 200, {"content-type": "text/html; charset=x"}), Reason.CAPTIVE_PORTAL, "web page"),
        (Answer(BYTE, 504), Reason.UNREACHABLE, "504 Gateway"),
        (Answer(BYTE, 404), Reason.NOT_TESTABLE, "404 Not Found"),
        (Answer(BYTE, 799), Reason.NOT_TESTABLE, "799"),
        (Answer(BYTE, 200), Reason.RANGE_IGNORED, "whole file"),
        (Answer(PART, 200, {"content-encoding": "br"}), Reason.RANGE_ENCODED, "br"),
        (having(PART, content_encoding="gzip\x1b"), Reason.RANGE_ENCODED, r"gzip\\x1b"),
        (having(PART, content_type="Multipart/Byteranges; boundary=x"), Reason.RANGE_JOINED, "multipart"),
        (Answer(PART, 416, {"content-range": f"bytes */{TOTAL}"}), Reason.RANGE_WRONG, "refused"),
        (Answer(PAST, 206, {"content-range": "bytes 1-2/*"}), Reason.RANGE_WRONG, "behind the end"),
        (having(PART, content_range=None), Reason.RANGE_WRONG, "Content-Range"),
        (having(PART, content_range="bytes 5-1/9\x1b"), Reason.RANGE_WRONG, "Content-Range"),
        (spanning(PART, PART.first + 1, PART.last + 1), Reason.RANGE_WRONG, "instead of"),
        (spanning(PART, 0, TOTAL - 1), Reason.RANGE_WRONG, "instead of"),
        (spanning(PART, PART.first, NEXT.last), Reason.RANGE_JOINED, "instead of"),
        (replace(good(PART), body=b"x" * (PART.size + 1), end=End.MORE), Reason.RANGE_WRONG, "more than"),
        (replace(good(PART), body=b"x"), Reason.RANGE_SHORT, "1 of .* the answer was at its end"),
        (replace(good(PART), body=b"x", end=End.CLOSED), Reason.RANGE_SHORT, "1 of .* connection closed"),
        (replace(good(PART), body=b"", end=End.SILENT), Reason.RANGE_SHORT, "0 of .* nothing more"),
        (having(NEXT, etag='"v2"'), Reason.VERSION_CHANGED, '"v1" for HEAD and "v2" for the range after'),
        (spanning(NEXT, NEXT.first, NEXT.last, TOTAL + 1), Reason.TOTAL_UNSTABLE, "4000 for HEAD and 4001 for"),
        (having(HEAD, content_length="3999"), Reason.TOTAL_UNSTABLE, "3999 for HEAD and 4000"),
        (
            Answer(PAST, 416, {"content-range": "bytes */9"}),
            Reason.TOTAL_UNSTABLE,
            "4000 for HEAD and 9 for a range past",
        ),
        (replace(good(NEXT), body=b"x" * NEXT.size), Reason.CONTENT_ALTERED, "the same bytes were others"),
    ],
)
def test_each_fault_is_found_among_right_answers(answer: Answer, reason: Reason, words: str) -> None:
    """One wrong answer among right ones is the fault, with its reason, and nothing in it can harm a terminal."""
    fault = find_fault(answers(answer))
    assert fault is not None
    assert fault.reason is reason
    assert not fault.mild
    assert "\x1b" not in fault.detail
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(fault.detail)


def test_silence_from_the_start_is_unreachable() -> None:
    """Where nothing was ever answered, the file is unreachable, with the error of the network."""
    fault = find_fault([Answer(each, end=End.SILENT, error="no answer in time") for each in FIRST])
    assert fault is not None
    assert (fault.reason, fault.detail) == (Reason.UNREACHABLE, "no answer in time")


def test_what_was_cut_off_by_our_own_time_is_no_fault() -> None:
    """An answer that was still coming when the time was up proves nothing."""
    assert find_fault(answers(replace(good(PART), body=b"x", end=End.LATE), Answer(NEXT, end=End.LATE))) is None


def test_dates_tell_versions_where_there_are_no_tags() -> None:
    """Without entity tags another Last-Modified is another version; with them it means nothing."""
    plain = [having(ask, etag=None, last_modified="Mon, 01 Jan 2024 00:00:00 GMT") for ask in (HEAD, BYTE, PART)]
    other = having(NEXT, etag=None, last_modified="Tue, 02 Jan 2024 00:00:00 GMT")
    fault = find_fault([*plain, other])
    assert fault is not None
    assert fault.reason is Reason.VERSION_CHANGED
    assert find_fault([*plain, replace(other, headers={**other.headers, "etag": ETAG})]) is None


@pytest.mark.parametrize(
    "answer",
    [
        having(NEXT, etag=f"W/{ETAG}"),
        Answer(HEAD, 405),
        Answer(HEAD),
        Answer(PAST, 200, {"content-length": str(TOTAL)}),
        Answer(PAST, 416),
        spanning(PART, PART.first, PART.last, "*"),
        having(PART, content_encoding="Identity"),
    ],
    ids=["weak tag", "no HEAD", "HEAD unanswered", "whole past the end", "416 without size", "no size", "identity"],
)
def test_what_is_allowed_is_no_fault(answer: Answer) -> None:
    """What RFC 9110 lets a server do, or what no download needs, is no fault."""
    assert find_fault(answers(answer)) is None
    assert find_oddity(answers(answer)) is None


def test_a_page_may_be_a_page() -> None:
    """Where the file itself is a page, getting a page is no portal."""
    html = [replace(each, headers={**each.headers, "content-type": "text/html"}) for each in answers()]
    assert find_fault(html, page=True) is None
    fault = find_fault(html)
    assert fault is not None
    assert fault.reason is Reason.CAPTIVE_PORTAL


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (having(NEXT, etag=None), Reason.VERSION_CHANGED),
        (replace(good(STALE), status=206), Reason.VERSION_CHANGED),
        (replace(good(SAME), status=200), Reason.RANGE_IGNORED),
    ],
)
def test_what_downloads_can_live_with_is_mild(answer: Answer, reason: Reason) -> None:
    """A missing ETag and conditions that are not heeded are found, apart from what breaks downloads."""
    fault = find_oddity(answers(answer))
    assert fault is not None
    assert (fault.reason, fault.mild) == (reason, True)


@pytest.mark.parametrize(
    ("body", "changed", "reason", "mild"),
    [
        (b"x" * PART.size, {}, Reason.CONTENT_ALTERED, False),
        (b"x" * PART.size, {"etag": '"v2"'}, Reason.VERSION_CHANGED, False),
        (None, {"etag": '"v2"'}, Reason.VERSION_CHANGED, True),
        (None, {"etag": None}, Reason.VERSION_CHANGED, True),
        (None, {"content_range": f"bytes {PART.first}-{PART.last}/4005"}, Reason.TOTAL_UNSTABLE, False),
        (
            None,
            {"content_range": f"bytes {PART.first}-{PART.last}/9999", "etag": '"v2"'},
            Reason.VERSION_CHANGED,
            False,
        ),
    ],
)
def test_what_differs_from_the_direct_way_is_found(
    body: bytes | None, changed: dict[str, str | None], reason: Reason, mild: bool
) -> None:
    """Other bytes are altered, or another version where the ETag says so; the same under another tag are mild."""
    fault = compare(answers(replace(having(PART, **changed), body=body or good(PART).body)), answers())
    assert fault is not None
    assert (fault.reason, fault.mild) == (reason, mild)


def test_what_has_no_counterpart_is_not_compared() -> None:
    """Answers that came on one way only say nothing about the other."""
    assert compare([replace(good(PART), body=b"x" * PART.size)], [good(BYTE)]) is None


@pytest.mark.parametrize(
    ("answer", "total"),
    [
        (good(PART), TOTAL),
        (good(PAST), TOTAL),
        (good(HEAD), TOTAL),
        (having(HEAD, content_encoding="gzip"), None),
        (spanning(PART, PART.first, PART.last, "*"), None),
        (having(PART, content_range="nonsense"), None),
        (having(HEAD, content_length="-1"), None),
        (Answer(HEAD, 404, {"content-length": "9"}), None),
    ],
)
def test_the_size_is_read_where_it_is_told(answer: Answer, total: int | None) -> None:
    """The size of the file stands in Content-Range, or in the Content-Length of a whole and plain answer."""
    assert total_of(answer) == total


def test_an_empty_tag_is_none() -> None:
    """An ETag without anything in it is not there."""
    assert tag_of(having(PART, etag=" ")) is None


HEADERS = ("content-range", "content-length", "content-type", "content-encoding", "etag", "last-modified", "location")
NOISE = st.text(st.sampled_from('bytes 0123456789-/*"W\x1b\u202egzip,;:[]@'), max_size=40)
ANYTHING = st.builds(
    Answer,
    st.sampled_from(ASKS),
    st.sampled_from([0, 200, 206, 302, 407, 416, 404]),
    st.dictionaries(st.sampled_from(HEADERS), NOISE),
    st.binary(max_size=20),
    st.sampled_from(End),
)


@given(st.lists(ANYTHING, max_size=12), st.lists(ANYTHING, max_size=12))
def test_no_answer_is_beyond_judging(proxied: list[Answer], direct: list[Answer]) -> None:
    """Whatever servers send, a verdict comes out, in words that no terminal obeys."""
    for fault in (find_fault(proxied), find_oddity(proxied), compare(proxied, direct)):
        assert fault is None or fault.detail.isprintable()
