"""HTTP range requests, bytes of headers to facts and back: RFC 9110 sections 8.6, 8.8, 10.2.3, 13.1.5 and 14."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from doctl.errors import OriginError
from doctl.printable import printable

MAX_LENGTH: Final = 2**63 - 1
"""The most bytes a representation may claim to have: what a file offset can hold."""
MAX_RETRY_AFTER: Final = 86_400.0
"""Seconds in the longest wait a server may ask for; more is read as this."""

_DIGITS = "([0-9]{1,19})"
_CONTENT_RANGE = re.compile(rf"bytes +{_DIGITS}-{_DIGITS}/(?:{_DIGITS}|\*)", re.IGNORECASE)
_UNSATISFIED = re.compile(rf"bytes +\*/{_DIGITS}", re.IGNORECASE)
_NUMBER = re.compile(_DIGITS)
_ETAG = re.compile(r'(W/)?"([!#-~\x80-\xff]{0,1000})"')
_LONGEST_DATE = 64


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Which bytes a 206 answer holds: ``first`` to ``last``, both included; ``total`` is None where it was ``*``."""

    first: int
    last: int
    total: int | None

    @property
    def size(self) -> int:
        """How many bytes the answer's body must have."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class ETag:
    """An entity tag. Two weak ones that are equal promise the same meaning, not the same bytes."""

    opaque: str
    weak: bool

    def __str__(self) -> str:
        return f'{"W/" if self.weak else ""}"{self.opaque}"'


def byte_range(first: int, last: int | None = None) -> str:
    """Return the Range header for bytes ``first`` to ``last``, both included; to the end without ``last``."""
    if first < 0 or (last is not None and last < first):
        raise ValueError(f"no such range: {first} to {last}")
    return f"bytes={first}-{'' if last is None else last}"


def parse_content_range(value: str) -> ContentRange:
    """Read the Content-Range of a 206 answer, ``bytes 0-99/1000`` or ``bytes 0-99/*``; else OriginError."""
    match = _CONTENT_RANGE.fullmatch(value.strip(" \t"))
    if match is None:
        raise OriginError(f"Content-Range is {_shown(value)}; a 206 answer needs bytes FIRST-LAST/TOTAL")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] is None else int(match[3])
    end = MAX_LENGTH if total is None else total
    if not first <= last < end <= MAX_LENGTH:
        raise OriginError(f"Content-Range is {_shown(value)}; it must hold FIRST <= LAST < TOTAL")
    return ContentRange(first, last, total)


def parse_unsatisfied_range(value: str) -> int:
    """Read the Content-Range of a 416 answer, ``bytes */1000``, and return the total; else OriginError."""
    match = _UNSATISFIED.fullmatch(value.strip(" \t"))
    if match is None or int(match[1]) > MAX_LENGTH:
        raise OriginError(f"Content-Range is {_shown(value)}; a 416 answer needs bytes */TOTAL")
    return int(match[1])


def parse_content_length(value: str) -> int:
    """Read a Content-Length, digits and nothing else; else OriginError."""
    match = _NUMBER.fullmatch(value.strip(" \t"))
    if match is None or int(match[1]) > MAX_LENGTH:
        raise OriginError(f"Content-Length is {_shown(value)}; it must be one number of bytes")
    return int(match[1])


def parse_etag(value: str) -> ETag:
    """Read an ETag, ``"x"`` or ``W/"x"``; else OriginError."""
    match = _ETAG.fullmatch(value.strip(" \t"))
    if match is None:
        raise OriginError(f"ETag is {_shown(value)}; it must be in double quotes")
    return ETag(match[2], weak=match[1] is not None)


def if_range(etag: str | None, last_modified: str | None, date: str | None) -> str | None:
    """Return what If-Range may carry, from the ETag, Last-Modified and Date of an earlier answer, or None for nothing.

    RFC 9110 section 13.1.5: a strong entity tag; without any tag a Last-Modified that is a strong validator, which by
    section 8.8.2.2 takes a Date from the same server at least a second later. A weak tag rules both out, and so does
    one that cannot be read: nobody can tell what it promises.
    """
    if etag is not None:
        return _strong(etag)
    modified, dated = parse_http_date(last_modified or ""), parse_http_date(date or "")
    if last_modified is None or modified is None or dated is None or (dated - modified).total_seconds() < 1:
        return None
    return last_modified.strip(" \t")  # as it came: servers compare the text


def _strong(etag: str) -> str | None:
    try:
        tag = parse_etag(etag)
    except OriginError:
        return None
    return None if tag.weak else str(tag)


def parse_http_date(value: str) -> datetime | None:
    """Read a date in any of the three forms of RFC 9110 section 5.6.7, as UTC; None for anything else."""
    if len(value) > _LONGEST_DATE:
        return None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds to wait that a Retry-After asks for, 0 to MAX_RETRY_AFTER; None when it says nothing usable.

    ``value`` is a number of seconds or a date; ``now`` has a time zone.
    """
    text = (value or "").strip(" \t")
    if _NUMBER.fullmatch(text):
        seconds = float(text)
    elif (date := parse_http_date(text)) is not None:
        seconds = (date - now).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _shown(value: str) -> str:
    return f'"{printable(value, 60)}"'
