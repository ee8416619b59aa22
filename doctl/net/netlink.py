"""Asks the Linux kernel over rtnetlink (RFC 3549): one request, and the messages that answer it."""

import os
import socket
import struct
from collections.abc import Iterator
from typing import Final

PATIENCE: Final = 2.0
"""Seconds that the kernel has for each part of its answer."""
MOST_REPLY: Final = 4 << 20

_NETLINK_ROUTE, _REQUEST, _DUMP = 0, 0x001, 0x300
_DONE, _ERROR = 3, 2
_HEADER = struct.Struct("=IHHII")


def ask(message_type: int, body: bytes, *, dump: bool = False) -> Iterator[tuple[int, bytes]]:
    """Send one request and yield the type and the body of each message of the answer; of a ``dump`` all of them.

    OSError where there is no netlink, and where the kernel answers with an error.
    """
    flags = _REQUEST | _DUMP if dump else _REQUEST
    with socket.socket(_family(), socket.SOCK_RAW, _NETLINK_ROUTE) as netlink:
        netlink.settimeout(PATIENCE)
        netlink.send(_HEADER.pack(_HEADER.size + len(body), message_type, flags, 1, 0) + body)
        total, ended = 0, False
        while not ended and total < MOST_REPLY:
            data = netlink.recv(1 << 16)
            total += len(data)
            found, ended = messages(data)
            yield from found
            ended = ended or not dump


def _family() -> int:
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise OSError("this system has no netlink")
    return int(family)


def messages(data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    """Return the messages of one read, and whether the answer ends with them; OSError where one is an error."""
    found: list[tuple[int, bytes]] = []
    for message_type, body in _split(data):
        if message_type == _DONE:
            return found, True
        if message_type == _ERROR:
            _refuse(body)
            return found, True
        found.append((message_type, body))
    return found, not data


def _refuse(body: bytes) -> None:
    """Raise the error that the kernel names as a negative number; 0 is an acknowledgement."""
    number = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
    if number:
        raise OSError(number, os.strerror(number) if 0 < number < 4096 else "netlink error")


def _split(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, message_type, _, _, _ = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            return
        yield message_type, data[_HEADER.size : length]
        data = data[_aligned(length) :]


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the bytes of each attribute; one that is cut off ends them."""
    while len(data) >= 4:
        length, number = struct.unpack_from("=HH", data)
        if not 4 <= length <= len(data):
            return
        yield number & 0x3FFF, data[4:length]
        data = data[_aligned(length) :]


def attribute(number: int, data: bytes) -> bytes:
    """Return an attribute as a request has it, padded."""
    return struct.pack("=HH", len(data) + 4, number) + data + b"\0" * (_aligned(len(data)) - len(data))


def _aligned(length: int) -> int:
    return (length + 3) & ~3
