"""Reads lists of allowed hosts as firewalls and proxies have them, and says what each entry lets through."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from doctl.endpoints import HTTP_PORT, SERVICE_PORT
from doctl.errors import UsageError
from doctl.printable import printable

MOST_BYTES: Final = 4 << 20
MOST_LINES: Final = 100_000
LONGEST_LINE: Final = 2_000
LONGEST_NAME: Final = 253
"""Characters of a host name (RFC 1035, without the dots of its ends)."""
MOST_PROBLEMS: Final = 100
"""Lines that are quoted because they could not be read; the rest are counted."""

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*|\*)://", re.IGNORECASE)
_PORTS: Final = {"http": HTTP_PORT, "https": SERVICE_PORT, "*": None}
_LABEL: Final = re.compile(r"[a-z0-9_*](?:[a-z0-9_*-]{0,61}[a-z0-9_*])?")
_BLOCK: Final = re.compile(r"/[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One pattern of a list.

    ``pattern`` is in lower case and ASCII: a name; ``.name``, which is the name and everything below it, as squid's
    dstdomain has it; ``*.name``, which is everything below and not the name; or a name with ``*`` elsewhere.
    ``port`` is the only one that the entry opens, None where it names none; ``path`` is set where it opens no more.
    """

    line: int
    text: str
    pattern: str
    port: int | None = None
    path: str = ""

    def covers(self, pattern: str) -> bool:
        """Whether the entry lets through a name, or every name under ``*.name``."""
        return self._covers_below(pattern[1:]) if pattern.startswith("*.") else self.covers_name(pattern)

    def covers_name(self, name: str) -> bool:
        """Whether the entry lets one name through."""
        if "*" in self.pattern:
            return _matches(self.pattern, name)
        return name == self.pattern.removeprefix(".") or (self.pattern[0] == "." and name.endswith(self.pattern))

    def _covers_below(self, end: str) -> bool:
        """Whether the entry lets through everything that ends in ``end``, which begins with a dot."""
        suffix = self.suffix
        return suffix is not None and end.endswith(suffix)

    @property
    def suffix(self) -> str | None:
        """What every name ends in that the entry lets through, or None where it lets through only some of those."""
        if self.pattern.startswith("."):
            return self.pattern
        if self.pattern.startswith("*") and "*" not in self.pattern[1:]:
            return self.pattern[1:]
        return None

    def opens(self, port: int) -> bool:
        """Whether the entry opens all of a host on ``port``."""
        return not self.path and self.port in (None, port)


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that could not be read, cleaned, and why."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Allowlist:
    """A list of allowed hosts; ``unread`` counts all lines that could not be read, of which some are ``problems``."""

    where: str
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    unread: int = 0


def read_allowlist(data: bytes, where: str) -> Allowlist:
    """Read a list with one pattern a line; ``where`` names it in messages.

    ``#`` begins a comment. Raises UsageError when it is too large to be one.
    """
    if len(data) > MOST_BYTES:
        raise UsageError(f"{where}: larger than {MOST_BYTES} bytes; that is no list of hosts")
    lines = _decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > MOST_LINES:
        raise UsageError(f"{where}: more than {MOST_LINES} lines; that is no list of hosts")
    read = list(_read(lines))
    problems = [one for one in read if isinstance(one, Problem)]
    entries = tuple(one for one in read if isinstance(one, Entry))
    return Allowlist(where, entries, tuple(problems[:MOST_PROBLEMS]), len(problems))


def _decoded(data: bytes) -> str:
    """Decode by the byte order mark, else as UTF-8; what cannot be decoded becomes a character that no name has."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _read(lines: list[str]) -> Iterator[Entry | Problem]:
    for number, line in enumerate(lines, 1):
        text = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip(" \t")
        if not text:
            continue
        try:
            yield _entry(number, text)
        except ValueError as error:
            yield Problem(number, printable(text, 80), str(error))


def _entry(number: int, text: str) -> Entry:
    """Read one pattern; ValueError says what is wrong with it."""
    if len(text) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE} characters")
    if not text.isprintable() or "\ufffd" in text:
        raise ValueError("has a character that does not belong into a name")
    if " " in text:
        raise ValueError("has a space in it; write one pattern a line")
    rest, port = _without_scheme(text)
    host, path = _split(rest)
    name, colon, digits = host.partition(":")
    if colon:
        port = _port(digits)
    return Entry(number, printable(text, 200), _pattern(name), port, path)


def _without_scheme(text: str) -> tuple[str, int | None]:
    match = _SCHEME.match(text)
    if not match:
        return text, None
    scheme = match[1].lower()
    if scheme not in _PORTS:
        raise ValueError(f"begins with {printable(scheme, 20)}://; only http and https count")
    return text[match.end() :], _PORTS[scheme]


def _split(rest: str) -> tuple[str, str]:
    """Part a host from what follows it; a path of nothing or everything is none."""
    host, slash, path = rest.partition("/")
    if slash and _BLOCK.fullmatch(slash + path) and not host.strip("0123456789.:"):
        raise ValueError("is a range of addresses; Delivery Optimization's hosts are known by name")
    return host, "" if path in ("", "*") else printable(f"/{path}", 80)


def _port(digits: str) -> int | None:
    if digits == "*":
        return None
    if not (digits.isascii() and digits.isdigit()) or not 0 < int(digits[:6]) <= 65535:
        raise ValueError("has a port that is no number from 1 to 65535")
    return int(digits)


def _pattern(name: str) -> str:
    """Return a name or pattern in lower case and ASCII; ValueError when it is none."""
    pattern = to_ascii(name.removesuffix(".")).lower()
    bare = pattern.removeprefix(".")
    if not bare or len(bare) > LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in bare.split(".")):
        raise ValueError("is not a host name or pattern such as name, .name or *.name")
    return pattern


def to_ascii(name: str) -> str:
    """Write an international name in its xn-- form (RFC 3490); ValueError when it has none."""
    if name.isascii():
        return name
    if len(name) > LONGEST_NAME:  # before the codec, whose effort grows with the square
        raise ValueError("is longer than a host name can be")
    try:
        return ".".join(label.encode("idna").decode("ascii") if label else "" for label in name.split("."))
    except UnicodeError:
        raise ValueError("has a label that no international host name can have") from None


def _matches(pattern: str, name: str) -> bool:
    """Whether ``name`` fits a pattern in which ``*`` stands for any characters; linear in the lengths."""
    first, *middle, last = pattern.split("*")
    if not (name.startswith(first) and name.endswith(last)) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
