"""UDP sockets of the system, which also tell what the network says of datagrams that it did not deliver."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from doctl.endpoints import Address
from doctl.errors import LocalError, RefusedError
from doctl.net.os_errors import of_os_error

IP_RECVERR: Final = 11
"""Linux' option to be told of ICMP errors, of <linux/in.h>; Python does not name it. Windows tells unasked."""


class SystemDatagrams:
    """A UDP socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self.local = Address(*sock.getsockname()[:2])

    async def send(self, data: bytes, to: Address) -> None:
        """Send one datagram; an error may be about one that was sent before."""
        with self._errors(str(to)):
            await self._loop.sock_sendto(self._socket, data, (to.host, to.port))

    async def receive(self, most: int = 65535) -> tuple[bytes, Address]:
        """Wait for the next datagram; an error is about one that was sent."""
        with self._errors(str(self.local)):
            data, sender = await self._loop.sock_recvfrom(self._socket, most)
        if sender is None:  # how newer versions of asyncio tell what Windows says of a port that is not open
            raise RefusedError(f"{self.local}: nobody listens where a datagram went")
        return data, Address(*sender[:2])

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Turn an OSError about ``what`` into the NetworkError of its kind."""
        try:
            yield
        except ConnectionResetError as error:  # how Windows says that a port is not open
            raise RefusedError(f"{what}: nobody listens where a datagram went") from error
        except OSError as error:
            self._forget()
            raise of_os_error(what, error) from error

    def _forget(self) -> None:
        """Empty Linux' queue of errors, which would keep the socket awake for ever."""
        while sys.platform == "linux":
            try:
                self._socket.recvmsg(0, 0, socket.MSG_ERRQUEUE)
            except OSError:  # there is none left
                return

    def close(self) -> None:
        """Close at once."""
        self._socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def bound(address: Address) -> SystemDatagrams:
    """Open a UDP socket bound to ``address``; LocalError when it cannot be had."""
    sock = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if sys.platform == "linux" and sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.bind((address.host, address.port))
        return SystemDatagrams(sock)
    except OSError as error:
        sock.close()
        raise LocalError(f"cannot bind UDP {address}: {error.strerror}") from error
