"""Peers that misbehave, each on a loopback port of its own: they stall, lie, talk nonsense or are in another swarm."""

import contextlib
import secrets
import socket
import threading
from collections.abc import Callable, Iterator

from doctl.wire import messages as m

Behaviour = Callable[[socket.socket, bytes, int, int], None]
"""What a peer does with a connection, given the swarm hash, the number of pieces and the size of a piece."""


def stalls(connection: socket.socket, swarm: bytes, pieces: int, size: int) -> None:
    """Offer everything, and never send any of it."""
    _offer(connection, swarm, pieces)
    while connection.recv(65536):
        pass


def lies(connection: socket.socket, swarm: bytes, pieces: int, size: int) -> None:
    """Answer every request with other bytes than the content's."""
    _offer(connection, swarm, pieces)
    received = b""
    while data := connection.recv(65536):
        received += data
        while len(received) >= 4 and len(received) >= 4 + (length := int.from_bytes(received[:4], "big")):
            message, received = received[4 : 4 + length], received[4 + length :]
            if message[:1] == b"\6":
                index, offset, count = (int.from_bytes(message[i : i + 4], "big") for i in (1, 5, 9))
                connection.sendall(m.Piece(index, offset, count).header() + bytes(count))


def talks_nonsense(connection: socket.socket, swarm: bytes, pieces: int, size: int) -> None:
    """Shake hands properly, then send random bytes."""
    _offer(connection, swarm, pieces)
    connection.sendall(secrets.token_bytes(100_000))
    while connection.recv(65536):
        pass


def has_another_swarm(connection: socket.socket, swarm: bytes, pieces: int, size: int) -> None:
    """Shake hands for content that nobody asked for."""
    connection.recv(75, socket.MSG_WAITALL)
    connection.sendall(m.Handshake(secrets.token_bytes(32), secrets.token_bytes(20)).encode())
    while connection.recv(65536):
        pass


def breaks_off(connection: socket.socket, swarm: bytes, pieces: int, size: int) -> None:
    """Answer the first request with half a piece, and go."""
    _offer(connection, swarm, pieces)
    while True:
        length = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
        message = connection.recv(length, socket.MSG_WAITALL)
        if message[:1] == b"\6":
            index, offset, count = (int.from_bytes(message[i : i + 4], "big") for i in (1, 5, 9))
            connection.sendall(m.Piece(index, offset, count).header() + bytes(count // 2))
            return


def _offer(connection: socket.socket, swarm: bytes, pieces: int) -> None:
    connection.recv(75, socket.MSG_WAITALL)
    connection.sendall(m.Handshake(swarm, secrets.token_bytes(20)).encode())
    connection.sendall(m.Bitfield((1 << pieces) - 1, pieces).encode() + m.Unchoke().encode())


@contextlib.contextmanager
def bad_peer(behaviour: Behaviour, swarm: bytes, pieces: int, size: int = 1 << 20) -> Iterator[str]:
    """Run a peer with ``behaviour``; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        opened: list[socket.socket] = []

        def talk(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                behaviour(connection, swarm, pieces, size)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    opened.append(server.accept()[0])
                    threading.Thread(target=talk, args=(opened[-1],), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            for sock in (server, *opened):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
