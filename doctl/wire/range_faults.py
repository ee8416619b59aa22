"""Judges answers to range requests: in which way, if any, ranges are broken on the way."""

import enum
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from doctl.errors import OriginError
from doctl.printable import printable
from doctl.wire import ranges
from doctl.wire.range_probes import Answer, End, Kind
from doctl.wire.urls import shown

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_RANGED: Final = (Kind.PART, Kind.SAME)


class Reason(enum.StrEnum):
    """What is wrong; a promise to scripts."""

    OK = "ok"
    RANGE_IGNORED = "range_ignored"
    RANGE_WRONG = "range_wrong"
    RANGE_SHORT = "range_short"
    RANGE_ENCODED = "range_encoded"
    RANGE_JOINED = "range_joined"
    TOTAL_UNSTABLE = "total_unstable"
    VERSION_CHANGED = "version_changed"
    CONTENT_ALTERED = "content_altered"
    AUTH_REQUIRED = "auth_required"
    FORBIDDEN = "forbidden"
    CAPTIVE_PORTAL = "captive_portal"
    TLS_INTERCEPTED = "tls_intercepted"
    UNREACHABLE = "unreachable"
    NOT_TESTABLE = "not_testable"


_REFUSALS: Final = {
    403: Reason.FORBIDDEN,
    451: Reason.FORBIDDEN,
    502: Reason.UNREACHABLE,
    503: Reason.UNREACHABLE,
    504: Reason.UNREACHABLE,
    511: Reason.CAPTIVE_PORTAL,
}
_BROKEN: Final = {
    (Kind.PART, 200): (Reason.RANGE_IGNORED, "the whole file came instead of the range"),
    (Kind.PART, 416): (Reason.RANGE_WRONG, "a range inside the file was refused as outside it (416)"),
    (Kind.SAME, 416): (Reason.RANGE_WRONG, "a range inside the file was refused as outside it (416)"),
    (Kind.PAST, 206): (Reason.RANGE_WRONG, "bytes came from behind the end of the file"),
}
"""What it means when a question gets a status that breaks downloads."""
_ODD: Final = {
    (Kind.CHANGED, 206): (Reason.VERSION_CHANGED, "If-Range is not heeded: a part came of a version not asked for"),
    (Kind.SAME, 200): (Reason.RANGE_IGNORED, "If-Range with the present version brings the whole file"),
}
"""The same for what downloads can live with.

A range past the end that brings the whole file is not among them: RFC 9110 section 14.2 lets a server disregard it, and
squid does so with what it has in its cache.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which ranges are broken, and the answer that shows it; ``mild`` where downloads still work."""

    reason: Reason
    detail: str
    answer: Answer
    mild: bool = False


def find_fault(answers: Sequence[Answer], *, page: bool = False) -> Fault | None:
    """Return the first fault that ``answers`` from one way to a file show, worst kinds first; None where there is none.

    ``page`` says that the file itself is an HTML page, so that getting one proves nothing. What downloads can live with
    is told by ``find_oddity``.
    """
    got = [answer for answer in answers if answer.ask.kind is not Kind.HEAD]
    kinds: tuple[Callable[[], Iterable[Fault]], ...] = (
        lambda: _each(got, lambda answer: _access(answer, page=page)),
        lambda: _each(got, _form),
        lambda: _identity(answers),
        lambda: _each(got, _extent),
        lambda: _silence(got),
        lambda: _overlaps(got),
    )
    return next((fault for kind in kinds for fault in kind()), None)


def find_oddity(answers: Sequence[Answer]) -> Fault | None:
    """Return what is wrong with ``answers`` that have no fault, but does not break downloads; or None."""
    return next(itertools.chain(_tags(answers), _each(answers, _conditions)), None)


def _each(answers: Iterable[Answer], judge: Callable[[Answer], Fault | None]) -> Iterator[Fault]:
    return (fault for answer in answers if (fault := judge(answer)))


def _access(answer: Answer, *, page: bool) -> Fault | None:
    """Judge whether the file was given at all."""
    if answer.status not in (0, 200, 206, 416):
        return Fault(*_refusal(answer), answer)
    if answer.status == 200 and not page and _type(answer) in ("text/html", "application/xhtml+xml"):
        return Fault(Reason.CAPTIVE_PORTAL, "a web page came instead of the file", answer)
    return None


def _refusal(answer: Answer) -> tuple[Reason, str]:
    status = answer.status
    if status in (401, 407):
        scheme = answer.headers.get("proxy-authenticate" if status == 407 else "www-authenticate", "")
        offered = f" ({printable(scheme.split(' ')[0], 40)})" if scheme else ""
        return Reason.AUTH_REQUIRED, f"the {'proxy' if status == 407 else 'server'} wants credentials{offered}"
    if status in REDIRECTS:
        return Reason.CAPTIVE_PORTAL, f"the answer redirects to {shown(answer.headers.get('location', 'nowhere'))}"
    return _REFUSALS.get(status, Reason.NOT_TESTABLE), f"the answer is {_line(status)}"


def _silence(answers: Sequence[Answer]) -> Iterator[Fault]:
    """Judge questions that got no usable answer: where others got one, it is this range that does not come."""
    reason = Reason.RANGE_SHORT if any(answer.status for answer in answers) else Reason.UNREACHABLE
    for answer in answers:
        if answer.status == 0 and answer.end is not End.LATE:
            yield Fault(reason, answer.error or "no answer came", answer)


def _form(answer: Answer) -> Fault | None:
    """Judge what kind of answer came."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if answer.status in (200, 206) and encoding not in ("", "identity"):
        return Fault(Reason.RANGE_ENCODED, f"the answer is encoded ({printable(encoding, 40)}), unasked", answer)
    if answer.status == 206 and _type(answer) == "multipart/byteranges":
        return Fault(Reason.RANGE_JOINED, "one range was asked for and a multipart answer came", answer)
    meaning = _BROKEN.get((answer.ask.kind, answer.status))
    return Fault(*meaning, answer) if meaning else None


def _identity(answers: Sequence[Answer]) -> Iterator[Fault]:
    """Judge whether all answers are about one version of the file."""
    tags = _different(answers, lambda answer: (tag_of(answer) or "").removeprefix("W/"))
    if tags:
        yield Fault(Reason.VERSION_CHANGED, f"its ETag is {_both(tags)}", tags[1][1])
    totals = _different(answers, lambda answer: str(total_of(answer) or ""))
    if totals:
        yield Fault(Reason.TOTAL_UNSTABLE, f"its size is {_both(totals)}", totals[1][1])
    dates = [] if any(map(tag_of, answers)) else _different(answers, lambda a: a.headers.get("last-modified", ""))
    if dates:
        yield Fault(Reason.VERSION_CHANGED, f"its Last-Modified is {_both(dates)}", dates[1][1])


def _different(answers: Iterable[Answer], fact: Callable[[Answer], str]) -> list[tuple[str, Answer]]:
    """Return the first two facts that differ, each with its answer; nothing where all that say something agree."""
    found: dict[str, Answer] = {}
    for answer in answers:
        if answer.status in (200, 206, 416) and (value := fact(answer)):
            found.setdefault(value, answer)
    return list(found.items())[:2] if len(found) > 1 else []


def _both(facts: Sequence[tuple[str, Answer]]) -> str:
    return " and ".join(f"{printable(value, 80)} for {answer.ask.name}" for value, answer in facts)


def _extent(answer: Answer) -> Fault | None:
    """Judge whether a 206 holds the range that was asked for."""
    if answer.status != 206 or answer.ask.kind not in _RANGED:
        return None
    try:
        got = ranges.parse_content_range(answer.headers.get("content-range", ""))
    except OriginError as error:
        return Fault(Reason.RANGE_WRONG, str(error), answer)
    ask = answer.ask
    if (got.first, got.last) == (ask.first, ask.last):
        return _length(answer)
    detail = f"bytes {got.first}-{got.last} came instead of {ask.first}-{ask.last}"
    neighbour = got.first <= ask.first <= ask.last <= got.last and got.size == 2 * ask.size
    return Fault(Reason.RANGE_JOINED if neighbour else Reason.RANGE_WRONG, detail, answer)


def _length(answer: Answer) -> Fault | None:
    """Judge the body of an answer whose header is right."""
    got, wanted = len(answer.body), answer.ask.size
    if answer.end is End.MORE or got > wanted:
        return Fault(Reason.RANGE_WRONG, f"more than the {wanted} bytes of the range came", answer)
    if got == wanted or answer.end is End.LATE:
        return None
    ends = {End.CLOSED: "then the connection closed", End.SILENT: "then nothing more"}
    how = ends.get(answer.end, "and the answer was at its end")
    return Fault(Reason.RANGE_SHORT, f"{got} of {wanted} bytes came, {how}", answer)


def _overlaps(answers: Sequence[Answer]) -> Iterator[Fault]:
    """Judge whether bytes that were asked for twice are the same both times."""
    parts = [answer for answer in answers if answer.ask.kind in _RANGED and answer.good]
    for number, one in enumerate(parts):
        for other in parts[number + 1 :]:
            if _common(one, other) != _common(other, one):
                detail = f"the same bytes were others in {one.ask.name} and in {other.ask.name}"
                yield Fault(Reason.CONTENT_ALTERED, detail, other)


def _common(one: Answer, other: Answer) -> bytes:
    """Return the bytes of ``one`` that ``other`` has too."""
    first, last = max(one.ask.first, other.ask.first), min(one.ask.last, other.ask.last)
    return one.body[first - one.ask.first : last + 1 - one.ask.first] if first <= last else b""


def _tags(answers: Sequence[Answer]) -> Iterator[Fault]:
    """Judge whether the version is told each time, if it is told at all."""
    parts = [answer for answer in answers if answer.status == 206 and answer.ask.kind in _RANGED]
    without = [answer for answer in parts if not tag_of(answer)]
    if without and len(without) < len(parts):
        yield Fault(Reason.VERSION_CHANGED, "some answers have an ETag and others have none", without[0], mild=True)


def _conditions(answer: Answer) -> Fault | None:
    """Judge the answers to If-Range; downloads work even where they are wrong."""
    meaning = _ODD.get((answer.ask.kind, answer.status))
    return Fault(*meaning, answer, mild=True) if meaning else None


def compare(proxied: Sequence[Answer], direct: Sequence[Answer]) -> Fault | None:
    """Return how answers through a proxy differ from those without it, or None; both are without faults."""
    return next(_differences(proxied, direct), None)


def _differences(proxied: Sequence[Answer], direct: Sequence[Answer]) -> Iterator[Fault]:
    others = {answer.ask: answer for answer in direct if answer.good}
    pairs = [(answer, others[answer.ask]) for answer in proxied if answer.good and answer.ask in others]
    for one, other in pairs:
        if total_of(one) and total_of(other) and total_of(one) != total_of(other):
            yield _other_version(one, other, f"{total_of(one)} bytes in all and not {total_of(other)}", total=True)
    for one, other in pairs:
        if one.body != other.body:
            yield _other_version(one, other, "other bytes")
    for one, other in pairs:
        if (tag_of(one) or "").removeprefix("W/") != (tag_of(other) or "").removeprefix("W/"):
            detail = f"the ETag is {_tag(one)} through the proxy and {_tag(other)} without it; the bytes are the same"
            yield Fault(Reason.VERSION_CHANGED, detail, one, mild=True)


def _other_version(one: Answer, other: Answer, what: str, *, total: bool = False) -> Fault:
    detail = f"through the proxy {one.ask.name} has {what}"
    if tag_of(one) and tag_of(other) and tag_of(one) != tag_of(other):
        detail += f" (ETag {_tag(one)} and not {_tag(other)})"
        return Fault(Reason.VERSION_CHANGED, detail, one)
    return Fault(Reason.TOTAL_UNSTABLE if total else Reason.CONTENT_ALTERED, detail, one)


def total_of(answer: Answer) -> int | None:
    """Return the size of the whole file as ``answer`` has it, or None where it does not say."""
    try:
        if answer.status == 206:
            return ranges.parse_content_range(answer.headers.get("content-range", "")).total
        if answer.status == 416:
            return ranges.parse_unsatisfied_range(answer.headers.get("content-range", ""))
        if answer.status == 200 and "content-encoding" not in answer.headers:
            return ranges.parse_content_length(answer.headers.get("content-length", ""))
    except OriginError:
        pass
    return None


def tag_of(answer: Answer) -> str | None:
    """Return the ETag of ``answer`` as it stands, or None."""
    return answer.headers.get("etag", "").strip() or None


def _tag(answer: Answer) -> str:
    return printable(tag_of(answer) or "missing", 80)


def _type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
