"""URLs of files over HTTP: which are usable, where a redirect may lead, and how to show one."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from doctl.errors import OriginError, UsageError
from doctl.printable import printable

MOST_REDIRECTS: Final = 10
"""Redirects that are followed; curl and browsers stop at 20 to 50, real content servers need one or two."""
LONGEST: Final = 8000
"""Characters in a URL (RFC 9110 section 4.1 asks for at least this much)."""
_PORTS: Final = {"http": 80, "https": 443}


def usable(url: str) -> str:
    """Return ``url`` without white space around it; UsageError unless it is http or https with a host."""
    try:
        _split(url.strip())
    except ValueError as error:
        raise UsageError(f'"{shown(url.strip())}" is not usable: {error}') from None
    return url.strip()


def shown(url: str) -> str:
    """Return ``url`` for a message: scheme, host and path, without credentials and query, which may be secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return printable(url.partition("?")[0].rpartition("@")[2], 120)
    place = parts.netloc.rpartition("@")[2]
    scheme = f"{parts.scheme}://" if "://" in url else ""
    return printable(f"{scheme}{place}{parts.path}", 120)


def next_hop(trail: Sequence[str], location: str) -> str:
    """Return where the last URL of ``trail``, which began with the one asked for, redirects by ``location``.

    Credentials stay with the scheme, host and port they were given for. OriginError for a circle, too many redirects,
    a step from https down to http, and a target that is no http or https URL.
    """
    here = urlsplit(trail[-1])
    try:
        there = _split(urljoin(trail[-1], location))
    except ValueError as error:
        raise OriginError(f"{shown(trail[-1])}: redirects to {shown(location)}, which is not usable: {error}") from None
    if (here.scheme, there.scheme) == ("https", "http"):
        raise OriginError(
            f"{shown(trail[-1])}: redirects from https down to {shown(location)}, where anybody on the way could "
            "change the answer; refused"
        )
    host = here.netloc if _same_server(here, there) else there.netloc.rpartition("@")[2]
    target = there._replace(netloc=host, fragment="").geturl()
    if target in trail:
        circle = [*trail[trail.index(target) :], target]
        raise OriginError(f"redirects go round in a circle: {' -> '.join(shown(url) for url in circle)}")
    if len(trail) > MOST_REDIRECTS:
        raise OriginError(f"{shown(trail[0])}: more than {MOST_REDIRECTS} redirects, the last to {shown(target)}")
    return target


def _split(url: str) -> SplitResult:
    """Take ``url`` apart; ValueError with the reason when it cannot be fetched."""
    if len(url) > LONGEST:
        raise ValueError(f"a URL has at most {LONGEST} characters")
    if not all(c.isprintable() and not c.isspace() for c in url):  # urlsplit would drop some without a word
        raise ValueError("a URL has no spaces or control characters: write them as %20 and the like")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("write http://HOST/PATH or https://HOST/PATH")
    if not parts.hostname:
        raise ValueError("it names no host")
    if parts.port == 0:
        raise ValueError("there is no port 0")
    return parts


def _same_server(one: SplitResult, other: SplitResult) -> bool:
    def server(url: SplitResult) -> tuple[str, str | None, int]:
        return url.scheme, url.hostname, url.port or _PORTS[url.scheme]

    return server(one) == server(other)
