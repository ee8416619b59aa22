"""The way to an address on any other system: our own address on a UDP socket that is connected, which sends nothing."""

import socket
from typing import Final

from doctl.errors import LocalError, UnreachableError
from doctl.net.os_errors import of_os_error
from doctl.net.routes import Route

DISCARD: Final = 9
"""A port must be named (RFC 863)."""


def route(address: str) -> Route:
    """Return our own address on the way to ``address``; the adapter is the one that has it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, DISCARD))
            return Route(source=str(sock.getsockname()[0]).partition("%")[0])
    except OSError as error:
        told = of_os_error(address, error)
        raise told if isinstance(told, UnreachableError) else LocalError(str(told)) from error
