"""What an HTTP server's answer to a request for a file, or for a part of one, means (RFC 9110)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, TypeVar

from doctl.errors import BusyError, ContentError, OriginError
from doctl.printable import printable
from doctl.wire import ranges
from doctl.wire.ranges import ContentRange

FIRST_BYTE: Final = ContentRange(0, 0, None)
"""What is asked for to get to know a file."""

LARGEST_FILE: Final = 1 << 40
"""Bytes of a file that is taken; what is remembered of its pieces grows with it, whether they ever come or not."""

Fact = TypeVar("Fact")

_BROKEN = "the server or a proxy on the way breaks range requests"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429, *range(500, 600)}) - {501, 505, 511}
_REFUSALS = {
    401: "wants a name and a password",
    403: "refuses to give the file",
    404: "has no such file",
    407: "a proxy on the way wants a name and a password",
    410: "no longer has the file",
    416: "says that the bytes asked for are outside the file",
    511: "the network wants a login before it lets anything through",
}


@dataclass(frozen=True, slots=True)
class Version:
    """What an answer says about which version of a file it is of; None where it says nothing."""

    length: int | None
    etag: str | None = None
    modified: str | None = None

    def differs(self, other: "Version") -> bool:
        """Whether the two cannot be one version: another length, entity tag or, without tags, date."""
        if self.length is not None and other.length is not None and self.length != other.length:
            return True
        if self.etag is not None and other.etag is not None:
            return self.etag.removeprefix("W/") != other.etag.removeprefix("W/")
        return None not in (self.modified, other.modified) and self.modified != other.modified


@dataclass(frozen=True, slots=True)
class Description:
    """A file as the first answer describes it; ``validator`` is what If-Range may carry."""

    version: Version
    ranges: bool
    validator: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer: ``who`` gave it (for messages), its headers (names in lower case or case-blind)."""

    who: str
    status: int
    headers: Mapping[str, str]
    now: datetime

    def redirect(self) -> str | None:
        """Return where the answer sends us, or None when it is no redirect."""
        if self.status not in _REDIRECTS:
            return None
        location = self.headers.get("location")
        if not location:
            raise self._unusable(f"redirects (answer {self.status}) without saying where to")
        return location

    def describe(self) -> Description:
        """Read the answer to a request for the first byte; raises BusyError, OriginError."""
        if self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and self._total_outside() == 0:
            return Description(Version(0), ranges=False, validator=None)
        if self.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            raise self.refusal()
        self._check_encoding()
        if self.status == HTTPStatus.OK:
            return self._described(self._length(), ranges_work=False)
        total = self._part(FIRST_BYTE).total
        return self._described(total, ranges_work=total is not None)

    def check_part(self, asked: ContentRange, known: Version) -> None:
        """Make sure that the body is the bytes ``asked`` for of the ``known`` version, and nothing else.

        Raises ContentError when the file has changed, BusyError, OriginError.
        """
        if self.status == HTTPStatus.OK:
            self._check_version(known, self._length())
            raise self._unusable(f"sent the whole file instead of bytes {asked.first}-{asked.last}; {_BROKEN}")
        if self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self._check_version(known, self._total_outside())
        if self.status != HTTPStatus.PARTIAL_CONTENT:
            raise self.refusal()
        self._check_encoding()
        self._check_version(known, self._content_range().total)
        self._part(asked)

    def check_whole(self, known: Version) -> None:
        """Make sure that the body is the whole of the ``known`` version; raises as ``check_part`` does."""
        if self.status != HTTPStatus.OK:
            raise self.refusal()
        self._check_encoding()
        self._check_version(known, self._length())

    def refusal(self) -> OriginError:
        """Return what an answer without the file means: BusyError where asking again later may help."""
        if self.status in _LATER:
            return BusyError(f"{self.who}: answered {self._status_line()}", wait=self._wait(), status=self.status)
        reason = _REFUSALS.get(self.status)
        what = (
            f"answered {self._status_line()}, which is of no use here"
            if reason is None
            else f"{reason} (answer {self.status})"
        )
        return OriginError(f"{self.who}: {what}", status=self.status)

    def _part(self, asked: ContentRange) -> ContentRange:
        """Return Content-Range, which must be the range ``asked`` for, with a body of that size."""
        got = self._content_range()
        if (got.first, got.last) != (asked.first, asked.last):
            raise self._unusable(f"sent bytes {got.first}-{got.last} instead of {asked.first}-{asked.last}; {_BROKEN}")
        length = self._length()
        if length is not None and length != asked.size:
            raise self._unusable(f"announces {length} bytes for a part of {asked.size}; {_BROKEN}")
        return got

    def _content_range(self) -> ContentRange:
        if self.headers.get("content-type", "").lower().startswith("multipart/byteranges"):
            raise self._unusable(f"sent several parts where one was asked for; {_BROKEN}")
        return self._read(ranges.parse_content_range, self.headers.get("content-range", ""))

    def _total_outside(self) -> int | None:
        """Return the length of the file as a 416 answer has it, or None when it does not say."""
        text = self.headers.get("content-range")
        return None if text is None else self._read(ranges.parse_unsatisfied_range, text)

    def _length(self) -> int | None:
        """Return Content-Length, or None when the body ends some other way."""
        text = self.headers.get("content-length")
        if text is None or "transfer-encoding" in self.headers:
            return None
        return self._read(ranges.parse_content_length, text)

    def _read(self, parse: Callable[[str], Fact], text: str) -> Fact:
        try:
            return parse(text)
        except OriginError as error:
            raise self._unusable(str(error)) from None

    def _described(self, length: int | None, *, ranges_work: bool) -> Description:
        if length is not None and length > LARGEST_FILE:
            raise self._unusable(f"says that the file has {length} bytes; more than 1 TiB is not taken")
        version = self._version(length)
        validator = ranges.if_range(version.etag, version.modified, self.headers.get("date"))
        return Description(version, ranges_work, validator)

    def _version(self, length: int | None) -> Version:
        return Version(length, self.headers.get("etag"), self.headers.get("last-modified"))

    def _check_version(self, known: Version, length: int | None) -> None:
        if known.differs(self._version(length)):
            raise ContentError(f"{self.who}: the file changed on the server while it was being fetched; start again")

    def _check_encoding(self) -> None:
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity"):
            raise self._unusable(f"sent the file encoded ({printable(encoding, 40)}) although it was asked not to")

    def _wait(self) -> float | None:
        """Return the seconds Retry-After asks for; a date counts from the server's own clock where it shows that."""
        now = ranges.parse_http_date(self.headers.get("date", "")) or self.now
        return ranges.parse_retry_after(self.headers.get("retry-after"), now)

    def _status_line(self) -> str:
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)

    def _unusable(self, what: str) -> OriginError:
        return OriginError(f"{self.who}: {what}")
