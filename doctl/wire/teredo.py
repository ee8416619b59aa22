"""The datagrams of Teredo qualification: router solicitations to a server, and the advertisements that come back.

RFC 4380 sections 5.1.1 and 5.2.1, with RFC 5991 (flags in addresses are random, so none are judged) and RFC 6081
(trailers may follow the IPv6 packet) in mind.
"""

import enum
import ipaddress
import struct
from dataclasses import dataclass
from typing import Final

from doctl.endpoints import Address

NONCE_SIZE: Final = 8
CONE_SOURCE: Final = ipaddress.IPv6Address("fe80::8000:ffff:ffff:ffff").packed
"""Where a solicitation comes from that asks for an answer from the server's other address: the cone bit is set."""
PLAIN_SOURCE: Final = ipaddress.IPv6Address("fe80::ffff:ffff:ffff").packed
ALL_ROUTERS: Final = ipaddress.IPv6Address("ff02::2").packed
PREFIX: Final = bytes.fromhex("20010000")
"""The first half of every Teredo prefix; the other half is the server's IPv4 address."""

_AUTHENTICATION = b"\x00\x01"
_ORIGIN = b"\x00\x00"
_IPV6_HEADER = struct.Struct(">IHBB16s16s")
_ORIGIN_FIELDS = struct.Struct(">2xHI")
_ICMPV6 = 58
_SOLICITATION = b"\x85"  # ICMPv6 type 133
_ADVERTISEMENT = b"\x86"  # 134
_ADVERTISEMENT_SIZE = 16
_PREFIX_OPTION = b"\x03"


class Flaw(enum.StrEnum):
    """Why a datagram is no answer to us."""

    TRUNCATED = "truncated"
    """It ends before its own lengths say."""
    LOOPED = "looped"
    """It is a solicitation: our own comes back."""
    NONCE = "wrong_nonce"
    SENDER = "wrong_sender"
    DESTINATION = "wrong_destination"
    PREFIX = "wrong_prefix"
    FOREIGN = "not_teredo"
    """It is no router advertisement of Teredo at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A router advertisement: ``mapped`` is where the server saw our datagram come from.

    ``destination`` is the IPv6 address it is for, ``prefix`` the 8 bytes of the prefix that it gives out.
    """

    nonce: bytes
    mapped: Address
    destination: bytes
    prefix: bytes


class _FlawedError(Exception):
    """A datagram is no answer, for the reason ``flaw``."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw)
        self.flaw = flaw


def solicitation(nonce: bytes, *, cone: bool) -> bytes:
    """Return the 61 bytes that ask a server for a prefix; with ``cone`` for an answer from its other address."""
    message = _SOLICITATION + bytes(7)
    source = CONE_SOURCE if cone else PLAIN_SOURCE
    checksum = _checksum(source + ALL_ROUTERS + struct.pack(">II", len(message), _ICMPV6) + message)
    header = _IPV6_HEADER.pack(6 << 28, len(message), _ICMPV6, 255, source, ALL_ROUTERS)
    body = message[:2] + struct.pack(">H", checksum) + message[4:]
    return _AUTHENTICATION + bytes(2) + nonce + bytes(1) + header + body


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def parse_answer(data: bytes) -> Answer | Flaw:
    """Read a datagram as a server's answer, or say why it is none."""
    try:
        nonce, rest = _authentication(data)
        mapped, rest = _origin(rest)
        destination, advertisement = _packet(rest)
        prefix = _prefix(advertisement[_ADVERTISEMENT_SIZE:])
    except _FlawedError as error:
        return error.flaw
    if nonce is None:
        return Flaw.NONCE
    return Flaw.FOREIGN if mapped is None else Answer(nonce, mapped, destination, prefix)


def _authentication(data: bytes) -> tuple[bytes | None, bytes]:
    """Take off the authentication header and return its nonce, or None where there is no such header."""
    if not data.startswith(_AUTHENTICATION):
        return None, data
    lengths = _slice(data, 2, 2)  # of a client id and an authentication value, neither of which we have
    start = 4 + sum(lengths)
    nonce_and_confirmation = _slice(data, start, NONCE_SIZE + 1)
    return nonce_and_confirmation[:NONCE_SIZE], data[start + NONCE_SIZE + 1 :]


def _origin(data: bytes) -> tuple[Address | None, bytes]:
    """Take off the origin indication and return the address in it, which is sent with every bit inverted."""
    if not data.startswith(_ORIGIN):
        return None, data
    port, address = _ORIGIN_FIELDS.unpack(_slice(data, 0, _ORIGIN_FIELDS.size))
    host = str(ipaddress.IPv4Address(address ^ 0xFFFFFFFF))
    return Address(host, port ^ 0xFFFF), data[_ORIGIN_FIELDS.size :]


def _packet(data: bytes) -> tuple[bytes, bytes]:
    """Return the destination of the IPv6 packet and the router advertisement in it; trailers behind it are dropped."""
    header = _slice(data, 0, _IPV6_HEADER.size)
    first, length, kind, _, _, destination = _IPV6_HEADER.unpack(header)
    if first >> 28 != 6 or kind != _ICMPV6:
        raise _FlawedError(Flaw.FOREIGN)
    message = _slice(data, _IPV6_HEADER.size, length)
    if message[:1] == _SOLICITATION:
        raise _FlawedError(Flaw.LOOPED)
    if message[:1] != _ADVERTISEMENT:
        raise _FlawedError(Flaw.FOREIGN)
    _slice(message, 0, _ADVERTISEMENT_SIZE)
    return destination, message


def _prefix(options: bytes) -> bytes:
    """Return the 8 bytes of the prefix of 64 bits among the options of an advertisement, or nothing."""
    while options:
        size = _slice(options, 0, 2)[1] * 8
        if size == 0:
            raise _FlawedError(Flaw.FOREIGN)  # RFC 4861 section 4.6: such a packet is discarded
        option = _slice(options, 0, size)
        if option.startswith(_PREFIX_OPTION) and size == 32:
            return option[16:24]
        options = options[size:]
    return b""


def _slice(data: bytes, start: int, count: int) -> bytes:
    """Return ``count`` bytes from ``start``; a flaw where there are not so many."""
    if len(data) < start + count:
        raise _FlawedError(Flaw.TRUNCATED)
    return data[start : start + count]
