"""An HTTP/1.1 origin that can be told to misbehave in each way that real servers and proxies have been seen to.

What it does is a function from a request and the file to a reply. ``proper`` is right in everything; the others are
faults, and ``later`` says which requests one of them meets.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Self

from tests.servers.exchange import Reply, Request, read, send

MODIFIED = formatdate(1_700_000_000, usegmt=True)


@dataclass(frozen=True)
class File:
    """What the origin has to give."""

    data: bytes
    etag: str | None = '"one"'
    modified: str | None = MODIFIED


Behaviour = Callable[[Request, File], Reply]


def proper(request: Request, file: File) -> Reply:
    """Answer as RFC 9110 has it."""
    headers = {"Date": formatdate(usegmt=True), "Accept-Ranges": "bytes"}
    headers |= {"ETag": file.etag} if file.etag else {}
    headers |= {"Last-Modified": file.modified} if file.modified else {}
    condition = request.headers.get("if-range")
    if request.range is None or condition not in (None, file.etag, file.modified):
        return Reply(200, headers | {"Content-Length": str(len(file.data))}, file.data)
    first, last = request.range[0], min(request.range[1], len(file.data) - 1)
    if first > last:
        return Reply(416, {"Content-Range": f"bytes */{len(file.data)}", "Content-Length": "0"})
    body = file.data[first : last + 1]
    about = {"Content-Range": f"bytes {first}-{last}/{len(file.data)}", "Content-Length": str(len(body))}
    return Reply(206, headers | about, body)


def later(fault: Behaviour, start: int = 1, count: int | None = None) -> Behaviour:
    """Meet ``count`` requests from number ``start`` on with ``fault``, all others properly."""

    def behave(request: Request, file: File) -> Reply:
        met = request.number >= start and (count is None or request.number < start + count)
        return (fault if met else proper)(request, file)

    return behave


def without_ranges(request: Request, file: File) -> Reply:
    """Know nothing of ranges."""
    return proper(replace(request, headers={}), file)


def with_headers(**changed: str | None) -> Behaviour:
    """Answer properly but for some headers, written with _ for -; None leaves one out."""
    names = {name.replace("_", "-").title().replace("Etag", "ETag"): value for name, value in changed.items()}

    def behave(request: Request, file: File) -> Reply:
        reply = proper(request, file)
        headers = {name: value for name, value in (reply.headers | names).items() if value is not None}
        return replace(reply, headers=headers)

    return behave


def status(code: int, **headers: str) -> Behaviour:
    """Answer with a status and a short text."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return lambda request, file: Reply(code, {"Content-Length": "3"} | named, b"no\n")


def redirect(*targets: str, code: int = 302) -> Behaviour:
    """Send the request with number n on to ``targets[n]``, and answer properly when there are no more."""

    def behave(request: Request, file: File) -> Reply:
        if request.number < len(targets):
            return Reply(code, {"Location": targets[request.number], "Content-Length": "0"})
        return proper(request, file)

    return behave


def other_range(request: Request, file: File) -> Reply:
    """Send the bytes one further on than those asked for, and say so."""
    assert request.range is not None
    first, last = request.range
    return proper(replace(request, headers=request.headers | {"range": f"bytes={first + 1}-{last + 1}"}), file)


def cut(after: int, then: str = "close") -> Behaviour:
    """Send only so many bytes of what was announced, then close, or fall silent with "stall"."""

    def behave(request: Request, file: File) -> Reply:
        reply = proper(request, file)
        assert isinstance(reply.body, bytes)
        return replace(reply, body=reply.body[:after], then=then)

    return behave


def too_long(request: Request, file: File) -> Reply:
    """Send more bytes than were announced."""
    reply = proper(request, file)
    assert isinstance(reply.body, bytes)
    return replace(reply, body=reply.body + b"more of it" * 10)


def in_chunks(extra: bytes = b"") -> Behaviour:
    """Send the body chunked, without a length, with ``extra`` bytes after it."""

    def behave(request: Request, file: File) -> Reply:
        reply = proper(request, file)
        assert isinstance(reply.body, bytes)
        headers = {name: value for name, value in reply.headers.items() if name != "Content-Length"}
        return replace(reply, headers=headers | {"Transfer-Encoding": "chunked"}, body=chunks(reply.body + extra))

    return behave


def chunks(data: bytes, size: int = 10_000) -> Iterator[bytes]:
    """Cut ``data`` into chunks as HTTP/1.1 writes them."""
    for start in range(0, len(data), size):
        block = data[start : start + size]
        yield b"%x\r\n%b\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


def raw(*blocks: bytes | Iterable[bytes]) -> Behaviour:
    """Send these bytes, whatever they are, and close."""

    def flat() -> Iterator[bytes]:
        for block in blocks:
            yield from [block] if isinstance(block, bytes) else block

    return lambda request, file: Reply(0, body=flat(), then="close")


def slowly(data: bytes, pause: float = 0.01) -> Iterator[bytes]:
    """Let ``data`` drip, a byte at a time."""
    for number in range(len(data)):
        time.sleep(pause)
        yield data[number : number + 1]


class Origin:
    """The server, on a port of its own, while it is entered; ``requests`` are those it got so far."""

    def __init__(self, data: bytes, behave: Behaviour = proper, *, tls: ssl.SSLContext | None = None) -> None:
        self.file = File(data)
        self.behave = behave
        self.requests: list[Request] = []
        self._tls = tls
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.url_of("/file.bin")

    def url_of(self, path: str, credentials: str = "") -> str:
        """Return the URL of ``path`` here."""
        host = f"localhost:{self.port}" if self._tls else f"127.0.0.1:{self.port}"
        return f"{'https' if self._tls else 'http'}://{credentials}{host}{path}"

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._run(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        _end(self._server)
        self._threads[0].join(5)
        for sock in self._open:
            _end(sock)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            for number in range(1_000_000):
                sock, _ = self._server.accept()
                self._open.append(sock)
                self._run(self._serve, sock, number)

    def _serve(self, sock: socket.socket, connection: int) -> None:
        with contextlib.suppress(OSError):
            stream = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
            self._open.append(stream)
            with stream, stream.makefile("rb") as incoming:
                while (request := self._read(incoming, connection)) is not None:
                    if not self._answer(stream, self.behave(request, self.file)):
                        return

    def _read(self, incoming: Iterable[bytes], connection: int) -> Request | None:
        request = read(incoming, connection)
        if request is None:
            return None
        with self._lock:
            request = replace(request, number=len(self.requests))
            self.requests.append(request)
        return request

    def _answer(self, stream: socket.socket, reply: Reply) -> bool:
        """Send ``reply`` and say whether the connection goes on."""
        send(stream, reply)
        if reply.then == "stall":
            self._closing.wait(60)
        return reply.then == "keep"


def _end(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
