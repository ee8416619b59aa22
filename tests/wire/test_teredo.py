"""The datagrams of Teredo, against a real exchange and against answers spoilt in every way."""

from dataclasses import replace

import pytest

from doctl.endpoints import Address
from doctl.wire.teredo import CONE_SOURCE, PLAIN_SOURCE, Answer, Flaw, parse_answer, solicitation
from tests.servers.teredo import Advertisement, cut, looped

NONCE = bytes.fromhex("d73eebbab8a99957")
PLAIN = bytes.fromhex(
    "00010000" "d73eebbab8a99957" "00"
    "60000000" "0008" "3a" "ff" "fe80000000000000" "0000ffffffffffff" "ff020000000000000000000000000002"
    "8500" "7d37" "00000000"
)  # fmt: skip
"""A question, as it was captured; Wireshark 4.4 calls its checksum correct."""
MIREDO = bytes.fromhex(
    "00010000" "d73eebbab8a99957" "00"
    "0000" "1aa1" "39cc9bfd"
    "60000000" "0038" "3a" "ff" "fe80000000000000" "8000f2273ffffdfe" "fe80000000000000" "0000ffffffffffff"
    "8600" "954c" "00000000" "00000000" "000007d0"
    "03044040" "ffffffff" "ffffffff" "00000000" "20010000c0000201" "0000000000000000"
    "0501" "0000" "00000500"
)  # fmt: skip
"""What miredo-server 1.2.6 at 192.0.2.1 answered to it, through a NAT at 198.51.100.2."""
UNDERSTOOD = Answer(NONCE, Address("198.51.100.2", 58718), PLAIN_SOURCE, bytes.fromhex("20010000c0000201"))
RIGHT = Advertisement(NONCE, ("198.51.100.2", 58718), PLAIN_SOURCE, server="192.0.2.1")


def test_a_solicitation_is_what_was_captured() -> None:
    """Authentication with the nonce, an IPv6 header, a router solicitation with a right checksum; 61 bytes."""
    assert solicitation(NONCE, cone=False) == PLAIN
    assert len(PLAIN) == 61


def test_the_cone_bit_is_in_the_source_and_the_checksum() -> None:
    """With the cone bit nothing else differs, and the checksum adds up as a receiver reckons it."""
    cone = solicitation(NONCE, cone=True)
    assert cone[21:37] == CONE_SOURCE
    assert (cone[:21], cone[37:55], cone[57:]) == (PLAIN[:21], PLAIN[37:55], PLAIN[57:])
    summed = cone[21:] + bytes([0, 8, 0, 58])  # addresses and message; length and protocol of the pseudo header
    assert sum(int.from_bytes(summed[at : at + 2], "big") for at in range(0, len(summed), 2)) % 0xFFFF == 0


def test_a_real_servers_answer_is_read() -> None:
    """The nonce, the address outside, whom it is for, and the prefix with the server's address."""
    assert parse_answer(MIREDO) == UNDERSTOOD


def test_our_own_double_says_the_same() -> None:
    """The server that other tests use, which was written on its own, is understood."""
    assert parse_answer(RIGHT.encode()) == UNDERSTOOD


def test_an_authentication_value_and_trailers_do_not_matter() -> None:
    """A server may send a client id and a value of its own, and RFC 6081 lets trailers follow the packet."""
    with_key = b"\0\x01\x03\x05" + b"idivalue" + MIREDO[4:]
    assert parse_answer(with_key) == parse_answer(MIREDO)
    assert parse_answer(MIREDO + b"\x01\x04abcd") == parse_answer(MIREDO)


def test_every_truncation_is_told() -> None:
    """Whatever an answer is cut to, it is truncated; only nothing at all, and less than a header, may be."""
    flaws = {parse_answer(MIREDO[:length]) for length in range(len(MIREDO))}
    assert flaws == {Flaw.TRUNCATED}


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (looped(RIGHT, False)[0], Flaw.LOOPED),
        (solicitation(NONCE, cone=True), Flaw.LOOPED),
        (cut(RIGHT, False)[0], Flaw.TRUNCATED),
        (replace(RIGHT, nonce=None).encode(), Flaw.NONCE),
        (replace(RIGHT, mapped=None).encode(), Flaw.FOREIGN),
        (MIREDO[:21] + b"\x45" + MIREDO[22:], Flaw.FOREIGN),  # IPv4 inside
        (MIREDO[:27] + b"\x11" + MIREDO[28:], Flaw.FOREIGN),  # UDP inside
        (MIREDO.replace(b"\x86\0", b"\x81\0"), Flaw.FOREIGN),  # an echo reply
        (replace(RIGHT, options=b"\x03\x00").encode(), Flaw.FOREIGN),  # an option of no length
        (replace(RIGHT, options=b"\x03\x04").encode(), Flaw.TRUNCATED),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(40), Flaw.FOREIGN),
    ],
)
def test_what_is_no_answer_is_told_apart(data: bytes, flaw: Flaw) -> None:
    """Our own question, a cut answer, one without nonce, and what is not Teredo each have their name."""
    assert parse_answer(data) is flaw


def test_an_answer_without_a_prefix_has_none() -> None:
    """Other options are passed over; without the one with the prefix, the prefix is empty."""
    answer = parse_answer(replace(RIGHT, options=b"\x05\x01" + bytes(6)).encode())
    assert isinstance(answer, Answer)
    assert answer.prefix == b""
