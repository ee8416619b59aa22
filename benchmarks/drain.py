"""Asks a server for a whole file and throws it away unread, so that hardly anything but the server costs time.

drain.py http HOST PORT PATH LENGTH
drain.py peer HOST PORT HASH-OF-HASHES LENGTH

The kernel drops what has come (MSG_TRUNC, tcp(7)): it is copied nowhere. Linux alone does that.
"""

import base64
import secrets
import socket
import sys

from doctl.wire import messages as m
from doctl.wire.layout import Layout

GULP = 4 << 20
AHEAD = 16
"""Pieces asked for ahead."""


def over_http(host: str, port: int, path: str, length: int) -> None:
    """Get ``path`` in one request."""
    with socket.create_connection((host, port)) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        if _drop(sock, sys.maxsize) < length:
            raise SystemExit("the file did not come, or not whole")


def from_peer(host: str, port: int, hash_of_hashes: str, length: int) -> None:
    """Ask a peer for every piece in order, some ahead."""
    layout = Layout(length, 1 << 20)
    with socket.create_connection((host, port)) as sock:
        sock.sendall(m.Handshake(base64.b64decode(hash_of_hashes), secrets.token_bytes(20)).encode())
        _exactly(sock, len(m.Handshake(bytes(32), bytes(20)).encode()))
        sock.sendall(m.Interested().encode())
        while _exactly(sock, int.from_bytes(_exactly(sock, 4), "big")) != m.Unchoke().encode()[4:]:
            pass
        asked = 0
        for given in range(layout.pieces):
            while asked < min(given + AHEAD, layout.pieces):
                sock.sendall(m.Request(asked, 0, layout.size_of(asked)).encode())
                asked += 1
            size = 4 + m.PIECE_HEADER + layout.size_of(given)
            if _drop(sock, size) < size:
                raise SystemExit("the peer hung up")


def _exactly(sock: socket.socket, count: int) -> bytes:
    return sock.recv(count, socket.MSG_WAITALL)


def _drop(sock: socket.socket, count: int) -> int:
    """Drop so many bytes, or what comes to the end; return how many."""
    place, dropped = memoryview(bytearray(GULP)), 0
    while dropped < count and (got := sock.recv_into(place, min(GULP, count - dropped), socket.MSG_TRUNC)):
        dropped += got
    return dropped


if __name__ == "__main__":
    verb, host, port, *rest = sys.argv[1:]
    if verb == "http":
        over_http(host, int(port), rest[0], int(rest[1]))
    else:
        from_peer(host, int(port), rest[0], int(rest[1]))
