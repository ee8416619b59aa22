"""A proxy's address as administrators write it: a URL, or a host and port; shown without its credentials."""

import base64
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit

from doctl.endpoints import Address
from doctl.errors import UsageError

LONGEST: Final = 2048
DEFAULT_PORTS: Final = {"http": 80, "https": 443, "socks": 1080, "socks4": 1080, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy. ``str`` gives its URL with the credentials masked, and so does every message made of it."""

    scheme: str
    address: Address
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``http://user:password@host:port``, or ``host:port``, which means http; else UsageError."""
        text = text.strip()
        if len(text) > LONGEST:
            raise UsageError(f"a proxy's address has at most {LONGEST} characters: write http://HOST:PORT")
        scheme, _, rest = text.partition("://") if "://" in text else ("http", "", text)
        scheme = scheme.lower()
        if scheme not in DEFAULT_PORTS:  # not repeated in the message: it may be part of a password
            raise UsageError("this is not a kind of proxy that doctl knows: write http://HOST:PORT")
        credentials, _, place = rest.rpartition("@")
        user, _, password = credentials.partition(":")
        address = _address(place, DEFAULT_PORTS[scheme])
        return cls(scheme, address, unquote(user), unquote(password))

    @property
    def url(self) -> str:
        """The URL with credentials, for the HTTP client and nobody else."""
        if not self.user and not self.password:
            return f"{self.scheme}://{self.address}"
        return f"{self.scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.address}"

    @property
    def authorization(self) -> str | None:
        """What Proxy-Authorization must say (RFC 7617), or None without credentials."""
        if not self.user and not self.password:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

    def __str__(self) -> str:
        mask = "***@" if self.user or self.password else ""
        return f"{self.scheme}://{mask}{self.address}"


def _address(place: str, default_port: int) -> Address:
    """Read the part after the credentials; the message must not repeat what came before it."""
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not host.isascii() or not all(c.isalnum() or c in "-._:%" for c in host):
        raise UsageError("this is not a proxy's address: write http://HOST:PORT")
    return Address(host, default_port if port is None else port)
