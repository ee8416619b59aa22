"""Ending a listening socket that a thread waits at."""

import contextlib
import socket


def stop(listener: socket.socket) -> None:
    """Wake whoever waits in ``accept``: Linux needs a shutdown, which Windows has for connections only, and a close."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
