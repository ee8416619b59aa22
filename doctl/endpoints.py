"""Ports, host names and addresses as rows of data, each with its purpose and source."""

from dataclasses import dataclass
from typing import Final

from doctl.errors import UsageError

PEER_PORT: Final = 7680
"""TCP port on which Delivery Optimization listens for peers."""
TEREDO_PORT: Final = 3544
"""UDP port of Teredo servers (RFC 4380); older pages call it TCP."""
HTTP_PORT: Final = 80
SERVICE_PORT: Final = 443


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
        if not host or any(c.isspace() or not c.isprintable() or c in "/[]@" for c in host):
            raise UsageError(f"{text!r} is not an address: write HOST:PORT, with IPv6 in brackets")
        if port is None:
            if default_port is None:
                raise UsageError(f"{text!r} has no port: write HOST:PORT")
            return cls(host, default_port)
        if not (port.isascii() and port.isdigit()) or not 0 <= int(port[:6]) <= 65535:
            raise UsageError(f"{text!r} has no valid port: write a number from 0 to 65535 after the colon")
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
