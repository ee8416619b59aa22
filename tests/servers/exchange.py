"""One request and one answer of HTTP/1.1, as the servers that misbehave read and write them."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Request:
    """One request; ``number`` counts those of all connections from 0, ``connection`` the connections."""

    number: int
    connection: int
    target: str
    headers: dict[str, str]
    method: str = "GET"

    @property
    def range(self) -> tuple[int, int] | None:
        """The first and last byte asked for, as they stand."""
        text = self.headers.get("range")
        if text is None:
            return None
        first, _, last = text.removeprefix("bytes=").partition("-")
        return int(first), int(last)

    def asking(self, first: int, last: int) -> "Request":
        """Return the same request for another range."""
        return replace(self, headers=self.headers | {"range": f"bytes={first}-{last}"})

    def without(self, name: str) -> "Request":
        """Return the same request without a header."""
        return replace(self, headers={n: v for n, v in self.headers.items() if n != name})


@dataclass(frozen=True)
class Reply:
    """An answer, only the body of it where ``status`` is 0.

    Afterwards the connection is kept, closed, or left open without a further byte ("stall").
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    then: str = "keep"

    @property
    def data(self) -> bytes:
        """The body, all of it."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)

    def having(self, **changed: str | None) -> "Reply":
        """Return the same answer with other headers, written with _ for -; None leaves one out."""
        names = {name.replace("_", "-"): value for name, value in changed.items()}
        headers = {n: v for n, v in {**self.headers, **names}.items() if v is not None}
        return replace(self, headers=headers)


def read(incoming: Iterable[bytes], connection: int) -> Request | None:
    """Read the next request as number 0, None at the end of the connection."""
    lines: list[str] = []
    for line in incoming:
        if not line.strip():
            break
        lines.append(line.decode("latin-1").strip())
    if not lines:
        return None
    method, target, _ = lines[0].split()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Request(0, connection, target, headers, method)


def send(stream: socket.socket, reply: Reply, *, bodiless: bool = False) -> None:
    """Send an answer, its head alone where it is ``bodiless``."""
    if reply.status:
        lines = [f"HTTP/1.1 {reply.status} .", *(f"{name}: {value}" for name, value in reply.headers.items())]
        stream.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    blocks = [reply.body] if isinstance(reply.body, bytes) else reply.body
    for block in [] if bodiless and reply.status else blocks:
        stream.sendall(block)
