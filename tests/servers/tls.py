"""TLS servers for tests, with certificates of an authority of the test's own."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

import trustme

from doctl.endpoints import Address
from tests.servers.listeners import stop


@contextlib.contextmanager
def shaking_hands(authority: trustme.CA, name: str) -> Iterator[tuple[Address, list[bytes]]]:
    """Run a server that shakes hands as ``name`` and keeps whatever a client sends after that."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, context, received), daemon=True)
        thread.start()
        yield Address("127.0.0.1", server.getsockname()[1]), received
        stop(server)
        thread.join(5)


def _serve(server: socket.socket, context: ssl.SSLContext, received: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            connection.settimeout(5)
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                received.append(tls.recv(1024))
