"""Which hosts go past the proxy: the exclusion lists of the environment, of Windows and of macOS, each by its rules."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_Networks = ipaddress.IPv4Network | ipaddress.IPv6Network
_SEPARATORS: Final = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a URL leads: ``scheme`` and ``host`` in lower case, IPv6 without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def simple(self) -> bool:
        """Whether the host is a name without any dot, which systems take for one of the local network."""
        return "." not in self.host and ":" not in self.host

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        address = _address(self.host)
        return self.host == "localhost" or (address is not None and address.is_loopback)


def environment_rule(destination: Destination, no_proxy: str) -> str | None:
    """Return the first entry of ``no_proxy`` that covers ``destination``, or None.

    As curl and most others read it: ``*`` is everything, a name covers itself and what is below it (with or without a
    leading dot or ``*.``), an address may be a network (``10.0.0.0/8``), and a port limits an entry to that port.
    """
    return next((entry for entry in _entries(no_proxy) if _environment_covers(entry, destination)), None)


def _environment_covers(entry: str, destination: Destination) -> bool:
    if entry == "*":
        return True
    name, port = _split_port(entry.lower())
    if port is not None and port != destination.port:
        return False
    if (network := _network(name)) is not None:
        return _within(destination.host, network)
    name = name.removeprefix("*").strip(".")
    return bool(name) and (destination.host == name or destination.host.endswith(f".{name}"))


def system_rule(destination: Destination, entries: Iterable[str]) -> str | None:
    """Return the first of ``entries`` that covers ``destination``, or None; for the lists of Windows and macOS.

    ``*`` stands for anything anywhere in an entry, a scheme or a port limits it, ``<local>`` is every name without a
    dot, and a network may be shortened as macOS does it (``169.254/16``). A name covers nothing below it.
    """
    return next((entry for entry in entries if _system_covers(entry.lower(), destination)), None)


def _system_covers(entry: str, destination: Destination) -> bool:
    if entry == "<local>":
        return destination.simple
    scheme, separator, rest = entry.partition("://")
    if separator and scheme != destination.scheme:
        return False
    name, port = _split_port(rest if separator else entry)
    if port is not None and port != destination.port:
        return False
    if "/" in name and (network := _network(name)) is not None:
        return _within(destination.host, network)
    return matches(name, destination.host)


def split_list(text: str) -> tuple[str, ...]:
    """Split a list of exclusions at its commas, semicolons and spaces."""
    return tuple(_entries(text))


def matches(pattern: str, text: str) -> bool:
    """Whether ``text`` is ``pattern``, in which each ``*`` stands for any characters or none."""
    head, *parts = pattern.split("*")
    if not parts:
        return text == pattern
    if not text.startswith(head) or not text.endswith(parts[-1]) or len(text) < len(head) + len(parts[-1]):
        return False
    place, end = len(head), len(text) - len(parts[-1])
    for part in parts[:-1]:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def _entries(text: str) -> list[str]:
    return [entry for entry in _SEPARATORS.split(text) if entry]


def _split_port(entry: str) -> tuple[str, int | None]:
    """Split ``name:port``, ``[v6]:port`` or a name or address alone."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, _port(rest.removeprefix(":"))
    if entry.count(":") != 1:  # none, or a bare IPv6 address
        return entry, None
    name, _, port = entry.partition(":")
    return name, _port(port)


def _port(text: str) -> int | None:
    return int(text[:6]) if text.isascii() and text.isdigit() else None


def _network(text: str) -> _Networks | None:
    """Read an address or a network; the zeros at the end of a shortened IPv4 network may be missing."""
    address, slash, bits = text.partition("/")
    if slash and re.fullmatch(r"[0-9.]+", address):
        address = ".".join([*address.strip(".").split("."), "0", "0", "0"][:4])
    try:
        return ipaddress.ip_network(f"{address}{slash}{bits}", strict=False)
    except ValueError:
        return None


def _within(host: str, network: _Networks) -> bool:
    address = _address(host)
    return address is not None and address.version == network.version and address in network


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
