"""A forward proxy that misbehaves in the ways that real ones have been seen to, each of which is a function.

A fault gets the request and a way to fetch what the origin really says, and returns what the proxy answers instead.
``passes`` is a good proxy.
"""

import contextlib
import gzip
import http.client
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Self
from urllib.parse import urlsplit

import trustme

from tests.servers.exchange import Reply, Request, read, send

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
Fetch = Callable[[Request], Reply]
Fault = Callable[[Request, Fetch], Reply]


def fetch(request: Request) -> Reply:
    """Ask the origin."""
    parts = urlsplit(request.target)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    with contextlib.closing(connection):
        hop_by_hop = ("proxy-connection", "connection", "proxy-authorization")
        headers = {n: v for n, v in request.headers.items() if n not in hop_by_hop}
        connection.request(request.method, parts.path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        kept = {n.lower(): v for n, v in answer.getheaders() if n.lower() != "connection"}
        return Reply(answer.status, kept | {"via": "1.1 bad-proxy"}, body)


def passes(request: Request, fetch: Fetch) -> Reply:
    """Pass everything on."""
    return fetch(request)


def later(fault: Fault, start: int) -> Fault:
    """Be good to the first ``start`` requests."""
    return lambda request, fetch: (fault if request.number >= start else passes)(request, fetch)


def whole(request: Request, fetch: Fetch) -> Reply:
    """Ignore ranges."""
    return fetch(request.without("range"))


def elsewhere(request: Request, fetch: Fetch) -> Reply:
    """Answer with the range that begins one byte later, and say so."""
    if request.range is None:
        return fetch(request)
    first, last = request.range
    return fetch(request.asking(first + 1, last + 1))


def as_asked_but_wrong(request: Request, fetch: Fetch) -> Reply:
    """Answer with the range that begins one byte earlier, and claim that it is the right one."""
    reply = fetch(request)
    if request.range is None or request.range[0] == 0 or reply.status != 206:
        return reply
    first, last = request.range
    return replace(reply, body=fetch(request.asking(first - 1, last - 1)).data)


def without_content_range(request: Request, fetch: Fetch) -> Reply:
    """Leave Content-Range out."""
    return fetch(request).having(content_range=None)


def refuses_ranges(request: Request, fetch: Fetch) -> Reply:
    """Call every range one outside the file."""
    total = fetch(replace(request, method="HEAD").without("range")).headers["content-length"]
    return Reply(416, {"content-range": f"bytes */{total}", "content-length": "0"})


def short_body(request: Request, fetch: Fetch) -> Reply:
    """Send half of what the header says, and close."""
    reply = fetch(request)
    return replace(reply, body=reply.data[: len(reply.data) // 2], then="close")


def short_length(request: Request, fetch: Fetch) -> Reply:
    """Send half of the range with a Content-Length that agrees with it."""
    reply = fetch(request)
    half = reply.data[: len(reply.data) // 2]
    return replace(reply.having(content_length=str(len(half))), body=half)


def too_long(request: Request, fetch: Fetch) -> Reply:
    """Send more than the range, with a Content-Length that agrees with it."""
    reply = fetch(request)
    if reply.status != 206:
        return reply
    body = reply.data + b"more"
    return replace(reply.having(content_length=str(len(body))), body=body)


def cuts(after: int, then: str = "close") -> Fault:
    """Send no more than so many bytes of a body, then close, or fall silent with "stall"."""

    def fault(request: Request, fetch: Fetch) -> Reply:
        reply = fetch(request)
        return replace(reply, body=reply.data[:after], then=then) if len(reply.data) > after else reply

    return fault


def compresses(request: Request, fetch: Fetch) -> Reply:
    """Compress every body."""
    reply = fetch(request)
    body = gzip.compress(reply.data, 1)
    return replace(reply.having(content_encoding="gzip", content_length=str(len(body))), body=body)


def multipart(request: Request, fetch: Fetch) -> Reply:
    """Answer one range as if several had been asked for."""
    reply = fetch(request)
    if reply.status != 206:
        return reply
    about = f"--edge\r\nContent-Range: {reply.headers['content-range']}\r\n\r\n".encode()
    body = about + reply.data + b"\r\n--edge--\r\n"
    kind = "multipart/byteranges; boundary=edge"
    return replace(reply.having(content_range=None, content_type=kind, content_length=str(len(body))), body=body)


def joins(request: Request, fetch: Fetch) -> Reply:
    """Answer with the range and its neighbour in one."""
    if request.range is None:
        return fetch(request)
    first, last = request.range
    return fetch(request.asking(first, 2 * last - first + 1))


def unsteady_total(request: Request, fetch: Fetch) -> Reply:
    """Claim another size of the file each time."""
    reply = fetch(request)
    if reply.status != 206:
        return reply
    about, _, total = reply.headers["content-range"].partition("/")
    return reply.having(content_range=f"{about}/{int(total) + request.number}")


def other_version(request: Request, fetch: Fetch) -> Reply:
    """Serve another version of the file."""
    reply = fetch(request)
    return replace(reply.having(etag='"another"'), body=bytes(byte ^ 1 for byte in reply.data))


def altered(request: Request, fetch: Fetch) -> Reply:
    """Change a byte of what comes."""
    reply = fetch(request)
    return replace(reply, body=reply.data.replace(b"\x07", b"\x08"))


def without_etag(request: Request, fetch: Fetch) -> Reply:
    """Leave ETag out."""
    return fetch(request).having(etag=None)


def another_etag(request: Request, fetch: Fetch) -> Reply:
    """Give the file an ETag of its own."""
    reply = fetch(request)
    return reply.having(etag='"of-the-proxy"') if "etag" in reply.headers else reply


def ignores_conditions(request: Request, fetch: Fetch) -> Reply:
    """Pay no heed to If-Range."""
    return fetch(request.without("if-range"))


def mistrusts_conditions(request: Request, fetch: Fetch) -> Reply:
    """Answer every If-Range with the whole file."""
    return fetch(request.without("range") if "if-range" in request.headers else request)


def whole_past_the_end(request: Request, fetch: Fetch) -> Reply:
    """Answer with the whole file where the range lies outside it."""
    reply = fetch(request)
    return fetch(request.without("range")) if reply.status == 416 else reply


def answers(status: int, body: bytes = b"no", then: str = "keep", **headers: str) -> Fault:
    """Answer everything with ``status``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request, fetch: Reply(status, {"content-length": str(len(body)), **named}, body, then)


def hates_head(request: Request, fetch: Fetch) -> Reply:
    """Refuse HEAD, as some filters do, and be good otherwise."""
    return Reply(405, {"content-length": "0"}) if request.method == "HEAD" else fetch(request)


def escapes(request: Request, fetch: Fetch) -> Reply:
    """Put what terminals obey into headers."""
    return fetch(request).having(via="1.1 \x1b[31mred\x1b]0;title\x07", etag='"\x1b[2J"')


def instead(url: str) -> Fault:
    """Serve the file at ``url``, whatever is asked for."""
    return lambda request, fetch: fetch(replace(request, target=url))


def drips(rate: int) -> Fault:
    """Send bodies at ``rate`` bytes a second, a little at a time."""

    def fault(request: Request, fetch: Fetch) -> Reply:
        reply = fetch(request)
        return replace(reply, body=_slowly(reply.data, rate))

    return fault


def _slowly(data: bytes, rate: int) -> Iterator[bytes]:
    for start in range(0, len(data), rate // 20):
        yield data[start : start + rate // 20]
        time.sleep(1 / 20)


def raw(*blocks: bytes) -> Fault:
    """Send these bytes, whatever they are, and close."""
    return lambda request, fetch: Reply(0, body=blocks, then="close")


def endless_header(request: Request, fetch: Fetch) -> Reply:
    """Send headers and never come to their end."""
    lines = (b"X-%d: %b\r\n" % (n, b"a" * 8000) for n in itertools.count())
    return Reply(0, {}, itertools.chain([b"HTTP/1.1 206 Partial\r\n"], lines), then="close")


def endless_interim(request: Request, fetch: Fetch) -> Reply:
    """Say for ever that the answer is still to come."""
    return Reply(0, {}, itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), then="close")


def endless_body(request: Request, fetch: Fetch) -> Reply:
    """Ignore ranges and never come to an end."""
    return Reply(200, {"content-length": "5000000000"}, itertools.repeat(bytes(65536)), then="close")


class BadProxy:
    """The proxy, on a port of its own, while it is entered.

    https is passed on in a tunnel; or, where there is an ``authority``, opened with its certificates and fetched from
    ``opened``, an http URL; or, where it ``tunnels`` nothing, answered like any other request.
    """

    def __init__(
        self, fault: Fault = passes, *, authority: trustme.CA | None = None, opened: str = "", tunnels: bool = True
    ) -> None:
        self.requests: list[Request] = []
        self._fault = fault
        self._authority = authority
        self._opened = opened
        self._tunnels = tunnels
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()

    @property
    def url(self) -> str:
        """The proxy's address."""
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._run(self._accept)
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()
        for sock in [self._server, *self._open]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in list(self._threads):
            thread.join(10)
            assert not thread.is_alive()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(sock)
                self._run(self._serve, sock)

    def _serve(self, sock: socket.socket, base: str = "") -> None:
        with contextlib.suppress(OSError), sock, sock.makefile("rb") as incoming:
            while (request := self._read(incoming, base)) is not None:
                if request.method == "CONNECT" and self._tunnels:
                    self._connect(sock, request)
                    break
                if not self._answer(sock, self._fault(request, fetch), request.method == "HEAD"):
                    break

    def _read(self, incoming: Iterable[bytes], base: str) -> Request | None:
        request = read(incoming, 0)
        if request is None:
            return None
        with self._lock:
            request = replace(request, number=len(self.requests), target=base + request.target)
            self.requests.append(request)
        return request

    def _answer(self, sock: socket.socket, reply: Reply, bodiless: bool) -> bool:
        """Send ``reply`` and say whether the connection goes on."""
        send(sock, reply, bodiless=bodiless)
        if reply.then == "stall":
            self._closing.wait(60)
        return reply.then == "keep"

    def _connect(self, sock: socket.socket, request: Request) -> None:
        host, _, port = request.target.partition(":")
        if self._authority:
            sock.sendall(ESTABLISHED)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(context)
            self._serve(context.wrap_socket(sock, server_side=True), self._opened)
            return
        with socket.create_connection((host, int(port)), 10) as upstream:
            self._open.append(upstream)
            sock.sendall(ESTABLISHED)
            self._run(_relay, upstream, sock)
            _relay(sock, upstream)


def _relay(source: socket.socket, sink: socket.socket) -> None:
    """Copy until one side ends, and then end the other, so that nobody waits for it."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
