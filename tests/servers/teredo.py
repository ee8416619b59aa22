"""A Teredo server on loopback, written from RFC 4380 and from nothing of doctl's, as it looks through a NAT.

Both its addresses are ports of 127.0.0.1, so it needs no rights; which NAT is between it and the client is told to it.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address

HOST = "127.0.0.1"
ROUTER = IPv6Address("fe80::8000:f227:80ff:fffe").packed
CONE = IPv6Address("fe80::8000:ffff:ffff:ffff").packed
ALL_ROUTERS = IPv6Address("ff02::2").packed

Place = tuple[str, int]


@dataclass(frozen=True)
class Advertisement:
    """What an answer says; ``nonce`` and ``mapped`` None leave their headers out."""

    nonce: bytes | None
    mapped: Place | None
    destination: bytes
    server: str = HOST
    options: bytes | None = None

    def encode(self) -> bytes:
        """Return the datagram."""
        prefix = bytes.fromhex("20010000") + IPv4Address(self.server).packed
        options = b"\x03\x04\x40\x40" + b"\xff" * 8 + bytes(4) + prefix + bytes(8)
        options += b"\x05\x01" + bytes(2) + struct.pack(">I", 1280)
        message = b"\x86\0\0\0" + bytes(8) + struct.pack(">I", 2000)
        message += options if self.options is None else self.options
        header = struct.pack(">IHBB", 0x60000000, len(message), 58, 255) + ROUTER + self.destination
        return self._authentication() + self._origin() + header + message

    def _authentication(self) -> bytes:
        return b"" if self.nonce is None else b"\0\x01\0\0" + self.nonce + b"\0"

    def _origin(self) -> bytes:
        if self.mapped is None:
            return b""
        host, port = self.mapped
        return struct.pack(">HHI", 0, port ^ 0xFFFF, int(IPv4Address(host)) ^ 0xFFFFFFFF)


Answers = Callable[[Advertisement, bool], list[tuple[bytes, bool]]]
"""From the right answer and whether it is due from the second address, to what is sent, and whether from there."""


def properly(right: Advertisement, second: bool) -> list[tuple[bytes, bool]]:
    """Answer as the RFC has it."""
    return [(right.encode(), second)]


def spoilt(*wrong: Callable[[Advertisement, bool], tuple[bytes, bool]]) -> Answers:
    """Send what is wrong in these ways first, and the right answer after it."""
    return lambda right, second: [*(each(right, second) for each in wrong), (right.encode(), second)]


def changed(**fields: object) -> Callable[[Advertisement, bool], tuple[bytes, bool]]:
    """Change fields of the answer."""
    return lambda right, second: (replace(right, **fields).encode(), second)  # type: ignore[arg-type]


def cut(right: Advertisement, second: bool) -> tuple[bytes, bool]:
    """Cut the answer short."""
    return right.encode()[:-30], second


def looped(right: Advertisement, second: bool) -> tuple[bytes, bool]:
    """Send the question back."""
    assert right.nonce is not None
    message = b"\x85" + bytes(7)
    header = struct.pack(">IHBB", 0x60000000, len(message), 58, 255) + right.destination + ALL_ROUTERS
    return b"\0\x01\0\0" + right.nonce + b"\0" + header + message, second


def from_other_address(right: Advertisement, second: bool) -> tuple[bytes, bool]:
    """Send the right answer from the wrong address."""
    return right.encode(), not second


@dataclass
class TeredoServer:
    """A running server: its two addresses, and the datagrams that it got, each with who sent it.

    ``nat`` is what is between it and the client: ``cone``, ``restricted``, ``symmetric``. What it has to say is left to
    ``answers``. Where ``silent`` has ``first`` or ``second``, that address is cut off, in and out; the first ``deaf``
    datagrams are lost.
    """

    nat: str = "restricted"
    answers: Answers = properly
    silent: frozenset[str] = frozenset()
    deaf: int = 0
    got: list[tuple[bytes, Place]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for each in self._sockets:
            each.bind((HOST, 0))
        self.server, self.second = (f"{HOST}:{each.getsockname()[1]}" for each in self._sockets)

    @contextlib.contextmanager
    def running(self) -> Iterator["TeredoServer"]:
        """Serve until the block ends."""
        threads = [threading.Thread(target=self._serve, args=(each,), daemon=True) for each in (False, True)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop(threads)

    def _stop(self, threads: list[threading.Thread]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            for sock in self._sockets:
                waker.sendto(b"", sock.getsockname())
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()
        for sock in self._sockets:
            sock.close()

    def _serve(self, second: bool) -> None:
        while True:
            try:
                data, sender = self._sockets[second].recvfrom(2048)
            except ConnectionResetError:  # how Windows tells that a client has gone
                continue
            if not data:
                return
            self.got.append((data, sender))
            if len(self.got) > self.deaf and ("second" if second else "first") not in self.silent:
                self._answer(data, sender, second)

    def _answer(self, data: bytes, sender: Place, second: bool) -> None:
        """Check the question as the RFC has it, and let through of the answers what the NAT would."""
        assert len(data) == 61
        assert data[:4] == b"\0\x01\0\0"
        assert data[12:13] == b"\0"
        source, destination = data[21:37], data[37:53]
        assert (destination, data[53:55]) == (ALL_ROUTERS, b"\x85\0")
        answering = not second if source == CONE else second
        mapped = (sender[0], sender[1] ^ 1) if self.nat == "symmetric" and second else sender
        right = Advertisement(data[4:12], mapped, source)
        for reply, from_second in self.answers(right, answering):
            cut_off = ("second" if from_second else "first") in self.silent
            if not cut_off and (self.nat == "cone" or source != CONE):
                self._sockets[from_second].sendto(reply, sender)
