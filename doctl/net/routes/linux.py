"""The way to an address as Linux' kernel itself would choose it, by rtnetlink's RTM_GETROUTE (rtnetlink(7))."""

import errno
import ipaddress
import socket
import struct
from typing import Final

from doctl.errors import LocalError, UnreachableError
from doctl.net import netlink
from doctl.net.os_errors import of_os_error
from doctl.net.routes import Route
from doctl.printable import printable

_NEWROUTE, _GETROUTE = 24, 26
_RTA_DST, _RTA_OIF, _RTA_PREFSRC = 1, 4, 7
_MESSAGE = struct.Struct("=BBBBBBBBI")
_LEADING_NOWHERE: Final = {6: "a blackhole", 7: "unreachable", 8: "prohibited"}
"""Types of routes that lead nowhere."""


def route(address: str) -> Route:
    """Return the way to ``address``, with the rules and tables for this user's ordinary sockets."""
    there = ipaddress.ip_address(address)
    family = socket.AF_INET if there.version == 4 else socket.AF_INET6
    wanted = _MESSAGE.pack(family, there.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    try:
        for message_type, body in netlink.ask(_GETROUTE, wanted + netlink.attribute(_RTA_DST, there.packed)):
            if message_type == _NEWROUTE:
                index, source = read(address, body)
                return Route(printable(socket.if_indextoname(index), 100), source)
    except OSError as error:
        raise _told(address, error) from error
    raise LocalError(f"{address}: the kernel tells no route")


def read(address: str, body: bytes) -> tuple[int, str]:
    """Return the index of the adapter and our own address, empty where none is told, of one RTM_NEWROUTE."""
    if len(body) < _MESSAGE.size:
        raise LocalError(f"{address}: the kernel's answer is cut off")
    said = dict(netlink.attributes(body[_MESSAGE.size :]))
    if nowhere := _LEADING_NOWHERE.get(body[7]):
        raise UnreachableError(f"{address}: the route is {nowhere}")
    adapter, source = said.get(_RTA_OIF, b""), said.get(_RTA_PREFSRC, b"")
    if len(adapter) != 4:
        raise LocalError(f"{address}: the kernel names no adapter")
    return struct.unpack("=I", adapter)[0], str(ipaddress.ip_address(source)) if len(source) in (4, 16) else ""


def _told(address: str, error: OSError) -> UnreachableError | LocalError:
    """Return what an error of the kernel means; a blackhole is an invalid argument to it."""
    told = of_os_error(address, error)
    if isinstance(told, UnreachableError):
        return told
    if error.errno == errno.EINVAL:
        return UnreachableError(f"{address}: the route is a blackhole")
    return LocalError(f"{told}; the route is not told")
