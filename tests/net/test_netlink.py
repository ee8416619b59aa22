"""What the kernel answers over netlink is split into messages, whole or damaged."""

import errno
import struct
import sys

import pytest

from doctl.net import netlink


def message(message_type: int, body: bytes) -> bytes:
    """Return one message as the kernel sends it (RFC 3549)."""
    return struct.pack("=IHHII", len(body) + 16, message_type, 2, 1, 99) + body + b"\0" * (-len(body) % 4)


FIRST, SECOND = message(16, b"first"), message(16, b"second!")
DONE = message(3, struct.pack("=i", 0))


def test_an_answer_is_split_and_its_end_is_seen() -> None:
    """Each message comes out with its type; the end, and an acknowledgement, end the answer."""
    assert netlink.messages(FIRST + SECOND) == ([(16, b"first"), (16, b"second!")], False)
    assert netlink.messages(FIRST + DONE + SECOND) == ([(16, b"first")], True)
    assert netlink.messages(message(2, struct.pack("=i", 0))) == ([], True)
    assert netlink.messages(b"") == ([], True)


def test_an_error_of_the_kernel_is_raised() -> None:
    """The number that the kernel gives as negative is the errno."""
    with pytest.raises(OSError, match="ermission denied") as caught:
        netlink.messages(message(2, struct.pack("=i", -errno.EACCES)))
    assert caught.value.errno == errno.EACCES


def test_damaged_answers_are_borne() -> None:
    """An answer cut or altered at any byte never loops, and raises nothing but what an error's number says."""
    data = FIRST + message(16, netlink.attribute(3, b"name") + netlink.attribute(0x4001, b"")) + DONE
    for at in range(len(data)):
        for damaged in (data[:at], *(data[:at] + bytes([value]) + data[at + 1 :] for value in (0, 1, 2, 3, 255))):
            try:
                found, _ = netlink.messages(damaged)
            except OSError as error:
                assert error.errno
                continue
            for _, body in found:
                list(netlink.attributes(body))


def test_attributes_are_read_as_they_are_written() -> None:
    """Padding is neither lost nor taken for data, and the flag bits of a number are left out."""
    data = netlink.attribute(1, b"12345") + netlink.attribute(0x8002, b"") + netlink.attribute(7, b"1234")
    assert list(netlink.attributes(data)) == [(1, b"12345"), (2, b""), (7, b"1234")]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has netlink")
def test_the_kernel_is_asked() -> None:
    """A dump of a real kernel has more than nothing, and what it refuses is an error."""
    assert [kind for kind, _ in netlink.ask(18, bytes(16), dump=True)]
    with pytest.raises(OSError, match=r"\w"):
        list(netlink.ask(26, bytes(12)))
