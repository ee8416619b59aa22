"""A server that says the same to everybody: bytes once or for ever, or nothing at all."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from doctl.endpoints import Address
from tests.servers.listeners import stop


@contextlib.contextmanager
def saying(data: bytes, *, again: bytes = b"", silent: bool = False) -> Iterator[Address]:
    """Run a server that answers the first bytes of each caller with ``data``, then ``again`` and again, and closes.

    A ``silent`` one says nothing and keeps the connection open.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, data, again, silent), daemon=True).start()
        yield Address("127.0.0.1", server.getsockname()[1])
        stop(server)


def _accept(server: socket.socket, data: bytes, again: bytes, silent: bool) -> None:
    with contextlib.suppress(OSError):
        while True:
            caller, _ = server.accept()
            threading.Thread(target=_answer, args=(caller, data, again, silent), daemon=True).start()


def _answer(caller: socket.socket, data: bytes, again: bytes, silent: bool) -> None:
    caller.settimeout(20)
    with caller, contextlib.suppress(OSError):
        while silent and caller.recv(65536):
            pass
        if silent or not caller.recv(65536):
            return
        caller.sendall(data)
        while again:
            caller.sendall(again)
