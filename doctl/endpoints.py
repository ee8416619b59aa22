"""Ports, host names and addresses as rows of data, each with its purpose and source."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from doctl.errors import UsageError

PEER_PORT: Final = 7680
"""TCP port on which Delivery Optimization listens for peers."""
TEREDO_PORT: Final = 3544
"""UDP port of Teredo servers (RFC 4380); older pages call it TCP."""
HTTP_PORT: Final = 80
SERVICE_PORT: Final = 443
LONGEST_NAME: Final = 255
"""Characters in the longest host name (RFC 1035 section 2.3.4), and more than any address has."""
_PORT = re.compile("[0-9]{1,5}")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host (name, IPv4 or IPv6 literal without brackets) and a port, written ``host:port`` or ``[v6]:port``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str, default_port: int | None = None) -> "Address":
        """Read ``HOST:PORT``, ``[IPV6]:PORT`` or, with ``default_port``, the host alone; else UsageError."""
        host, port = _split(text.strip())
        if "://" in text or not _is_host(host):
            raise UsageError(f"{text[:80]!r} is not an address: write HOST:PORT, with IPv6 in brackets")
        if port is None:
            if default_port is None:
                raise UsageError(f"{text!r} has no port: write HOST:PORT")
            return cls(host, default_port)
        if not _PORT.fullmatch(port) or int(port) > 65535:
            raise UsageError(f"{text[:80]!r} has no valid port: write a number from 0 to 65535 after the colon")
        return cls(host, int(port))


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return "", None
        return host, rest[1:] if rest else None
    if text.count(":") > 1:  # a bare IPv6 literal
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _is_host(host: str) -> bool:
    if not 0 < len(host) <= LONGEST_NAME or any(c.isspace() or not c.isprintable() or c in "/[]@*" for c in host):
        return False
    if host.startswith((".", "-")) or ".." in host:
        return False
    return ":" not in host or _is_ipv6(host)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


SPLIT_TUNNEL: Final = "split-tunnel"
"""The set of hosts that should go past a VPN."""
SETS: Final = ("service", "metadata", "payload", SPLIT_TUNNEL, "teredo")
"""The names of the sets of hosts; a host may be in several."""

TEST_FILE_URL: Final = (
    "http://dl.delivery.mp.microsoft.com/filestreamingservice/files/52fa8751-747d-479d-8f22-e32730cc0eb1"
)
"""A file that Microsoft documents for trying Delivery Optimization; its server answers byte ranges."""
TEST_FILE_BYTES: Final = 25_006_511

_DOCS = "https://learn.microsoft.com/windows/deployment/do"
_FAQ = f"{_DOCS}/waas-delivery-optimization-faq"
_WORKFLOW = f"{_DOCS}/delivery-optimization-workflow"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One documented host name or pattern, and what may be asked of it.

    ``pattern`` is a name, or ``*.`` and a name, which does not cover that name itself. ``scheme`` is ``https``,
    ``http`` or ``teredo`` (UDP). ``names`` are concrete documented names under a wildcard; ``samples`` are names seen
    in the field, which come and go, so that their absence from DNS alone proves nothing. A host with ``pinned`` accepts
    no certificate but Microsoft's; a ``retired`` one is no longer used; without an ``optional`` one downloads still
    work from elsewhere or with fewer peers.
    """

    pattern: str
    sets: tuple[str, ...]
    scheme: str
    port: int
    purpose: str
    source: str
    names: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    pinned: bool = False
    retired: bool = False
    optional: bool = False

    @property
    def wildcard(self) -> bool:
        """Whether the pattern stands for many names and cannot be probed itself."""
        return self.pattern.startswith("*.")


HOSTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        "*.do.dsp.mp.microsoft.com",
        ("service",),
        "https",
        SERVICE_PORT,
        "the coordination service",
        _FAQ,
        names=("geo-prod.do.dsp.mp.microsoft.com", "geover-prod.do.dsp.mp.microsoft.com"),
        pinned=True,
    ),
    Endpoint(
        "*.prod.do.dsp.mp.microsoft.com",
        ("service", "split-tunnel"),
        "https",
        SERVICE_PORT,
        "the coordination service: location, settings, content policy, discovery, lists of peers",
        _WORKFLOW,
        names=("geo.prod.do.dsp.mp.microsoft.com", "geover.prod.do.dsp.mp.microsoft.com"),
        samples=(
            "kv501.prod.do.dsp.mp.microsoft.com",
            "cp501.prod.do.dsp.mp.microsoft.com",
            "disc501.prod.do.dsp.mp.microsoft.com",
            "array501.prod.do.dsp.mp.microsoft.com",
        ),
        pinned=True,
    ),
    Endpoint(
        "*.dl.delivery.mp.microsoft.com",
        ("metadata", "split-tunnel"),
        "http",
        HTTP_PORT,
        "hash files of content, and content",
        _FAQ,
        samples=("tlu.dl.delivery.mp.microsoft.com", "msedge.b.tlu.dl.delivery.mp.microsoft.com"),
    ),
    Endpoint(
        "dl.delivery.mp.microsoft.com",
        ("metadata", "split-tunnel"),
        "http",
        HTTP_PORT,
        "hash files of content; the wildcard does not cover this bare name",
        _WORKFLOW,
    ),
    Endpoint("*.emdl.ws.microsoft.com", ("metadata",), "http", HTTP_PORT, "hash files, once", _FAQ, retired=True),
    Endpoint("emdl.ws.microsoft.com", ("split-tunnel",), "http", HTTP_PORT, "hash files, once", _FAQ, retired=True),
    Endpoint(
        "download.windowsupdate.com",
        ("metadata", "payload"),
        "http",
        HTTP_PORT,
        "hash files of content, and updates",
        _WORKFLOW,
    ),
    Endpoint("*.download.windowsupdate.com", ("payload",), "http", HTTP_PORT, "update payloads", _FAQ, optional=True),
    Endpoint(
        "*.windowsupdate.com",
        ("payload", "split-tunnel"),
        "http",
        HTTP_PORT,
        "update payloads and certificate trust lists",
        _FAQ,
        samples=("ctldl.windowsupdate.com",),
        optional=True,
    ),
    Endpoint(
        "*.delivery.mp.microsoft.com",
        ("split-tunnel",),
        "https",
        SERVICE_PORT,
        "Windows Update and Microsoft Store services",
        _FAQ,
        samples=("fe3cr.delivery.mp.microsoft.com",),
    ),
    Endpoint(
        "*.update.microsoft.com",
        ("split-tunnel",),
        "https",
        SERVICE_PORT,
        "Windows Update services",
        _FAQ,
        samples=("fe2cr.update.microsoft.com", "slscr.update.microsoft.com"),
    ),
    Endpoint(
        "tsfe.trafficshaping.dsp.mp.microsoft.com",
        ("split-tunnel",),
        "https",
        SERVICE_PORT,
        "whether content may be fetched now",
        _FAQ,
    ),
    Endpoint(
        "win1910.ipv6.microsoft.com",
        ("teredo",),
        "teredo",
        TEREDO_PORT,
        "NAT traversal between peers, for Group and Internet modes only",
        _FAQ,
        optional=True,
    ),
    *(
        Endpoint(
            f"{name}.ipv6.microsoft.com",
            ("teredo",),
            "teredo",
            TEREDO_PORT,
            "Teredo of older Windows",
            "",
            retired=True,
        )
        for name in ("win1901", "win1711", "win1710", "win10", "win8")
    ),
)
"""Every documented host, each set in the order in which Windows needs it."""


def hosts_of(name: str) -> tuple[Endpoint, ...]:
    """Return the hosts of a set, or all of them for ``all``; UsageError names the sets."""
    if name == "all":
        return HOSTS
    if name not in SETS:
        raise UsageError(f"{name!r} is not a set of hosts: use {', '.join(SETS)} or all")
    return tuple(host for host in HOSTS if name in host.sets)


def documented(name: str) -> Endpoint | None:
    """Return the documented host that ``name`` is, or else the narrowest wildcard that it falls under."""
    rows = [host for host in HOSTS if name == host.pattern or (host.wildcard and name.endswith(host.pattern[1:]))]
    return max(rows, key=lambda host: (not host.wildcard, len(host.pattern)), default=None)
