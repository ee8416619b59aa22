"""Which way packets leave, as each system tells it."""

import asyncio
import socket
import struct
import sys

import pytest

from doctl.errors import DoctlError, LocalError, UnreachableError
from doctl.net.netlink import attribute
from doctl.net.routes import Route, elsewhere, linux, macos, reading, windows


def answer(*attributes: bytes, kind: int = 1) -> bytes:
    """Return the body of an RTM_NEWROUTE as the kernel sends it (rtnetlink(7))."""
    return struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 0, 0, kind, 0x200) + b"".join(attributes)


DST, OIF = attribute(1, bytes([203, 0, 113, 7])), attribute(4, struct.pack("=I", 7))
SOURCE, SOURCE_V6 = attribute(7, bytes([10, 8, 0, 2])), attribute(7, socket.inet_pton(socket.AF_INET6, "fd00::2"))


def test_linux_tells_the_adapter_and_the_source() -> None:
    """Index and own address are read from the kernel's answer; the address may be missing."""
    assert linux.read("x", answer(DST, OIF, SOURCE)) == (7, "10.8.0.2")
    assert linux.read("x", answer(OIF, SOURCE_V6)) == (7, "fd00::2")
    assert linux.read("x", answer(OIF)) == (7, "")


@pytest.mark.parametrize(("kind", "word"), [(6, "blackhole"), (7, "unreachable"), (8, "prohibited")])
def test_linux_routes_that_lead_nowhere(kind: int, word: str) -> None:
    """A route that refuses is no way."""
    with pytest.raises(UnreachableError, match=word):
        linux.read("x", answer(OIF, kind=kind))


def test_damaged_answers_are_one_line() -> None:
    """An answer cut or altered anywhere is an error of doctl's, or read."""
    data = answer(DST, OIF, SOURCE)
    for at in range(len(data)):
        for damaged in (data[:at], *(data[:at] + bytes([value]) + data[at + 1 :] for value in (0, 3, 255))):
            try:
                linux.read("x", damaged)
            except DoctlError as error:
                assert "\n" not in str(error)


MACOS = """\
   route to: 203.0.113.7
destination: default
       mask: default
    gateway: 192.0.2.1
  interface: en0
      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
 recvpipe  sendpipe  ssthresh  rtt,msec    rttvar  hopcount      mtu     expire
       0         0         0         0         0         0      1500         0
"""


def test_macos_tells_the_adapter() -> None:
    """The adapter is read from what route prints."""
    assert macos.read("203.0.113.7", MACOS) == Route("en0")
    assert macos.read("203.0.113.7", MACOS.replace("en0", "utun4")) == Route("utun4")


def test_macos_routes_that_lead_nowhere() -> None:
    """No entry and a route that refuses are no way; anything else that names no adapter is not told."""
    with pytest.raises(UnreachableError):
        macos.read("x", "", "route: writing to routing socket: not in table")
    with pytest.raises(UnreachableError):
        macos.read("x", MACOS.replace("STATIC", "REJECT"))
    with pytest.raises(LocalError, match=r"bad address: x\\x1b"):
        macos.read("x", "", "route: bad address: x\x1b\n")


def test_windows_is_given_socket_addresses() -> None:
    """An address becomes a SOCKADDR_IN of 16 bytes or a SOCKADDR_IN6 of 28."""
    ipv4, ipv6 = windows.socket_address("203.0.113.7"), windows.socket_address("2001:db8::7")
    assert (len(ipv4), ipv4[:8]) == (16, bytes([2, 0, 0, 0, 203, 0, 113, 7]))
    assert (len(ipv6), ipv6[:8], ipv6[8:24]) == (
        28,
        bytes([23, *[0] * 7]),
        socket.inet_pton(socket.AF_INET6, "2001:db8::7"),
    )


def test_elsewhere_the_own_address_is_told() -> None:
    """A connected UDP socket tells our own address on the way; where there is none, that is said."""
    assert elsewhere.route("127.0.0.1") == Route(source="127.0.0.1")
    with pytest.raises((UnreachableError, LocalError)):
        elsewhere.route("255.255.255.255")


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux' kernel")
def test_a_real_kernel_is_asked() -> None:
    """This machine's loopback is reached by its loopback, however it is asked."""
    assert asyncio.run(reading.read("127.0.0.1", 5)) == Route("lo", "127.0.0.1")
    assert asyncio.run(reading.read("127.0.0.1", 5, "freebsd14")) == Route("", "127.0.0.1")
