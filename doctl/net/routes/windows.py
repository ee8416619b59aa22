"""The way to an address as Windows would choose it, by GetBestInterfaceEx of iphlpapi."""

import ctypes
import ipaddress
import struct
from typing import Final

from doctl.errors import LocalError, UnreachableError
from doctl.net.routes import Route
from doctl.printable import printable

NO_WAY: Final = frozenset({50, 1168, 1231, 1232})
"""Not supported (no stack of that family), not found, network unreachable, host unreachable."""
_LONGEST_ALIAS: Final = 257
"""Characters of an adapter's alias with its end (NDIS_IF_MAX_STRING_SIZE + 1)."""


def route(address: str) -> Route:
    """Return the way to ``address``."""
    libraries = getattr(ctypes, "windll", None)
    if libraries is None:
        raise LocalError("GetBestInterfaceEx is there on Windows only")
    index = ctypes.c_ulong()
    code = libraries.iphlpapi.GetBestInterfaceEx(socket_address(address), ctypes.byref(index))
    if code in NO_WAY:
        raise UnreachableError(f"{address}: there is no route (Windows' code {code})")
    if code:
        raise LocalError(f"{address}: GetBestInterfaceEx failed with code {code}")
    return Route(printable(_alias(index.value), 100))


def socket_address(address: str) -> bytes:
    """Return the SOCKADDR_IN or SOCKADDR_IN6 of ``address``, with port 0."""
    there = ipaddress.ip_address(address)
    if there.version == 4:
        return struct.pack("=HH4s8x", 2, 0, there.packed)
    return struct.pack("=HHI16sI", 23, 0, 0, there.packed, 0)


def _alias(index: int) -> str:
    """Return what lists of adapters call the one with that index; LocalError where Windows does not say."""
    helper = ctypes.windll.iphlpapi  # type: ignore[attr-defined,unused-ignore]  # Windows only
    luid, alias = ctypes.c_uint64(), ctypes.create_unicode_buffer(_LONGEST_ALIAS)
    code = helper.ConvertInterfaceIndexToLuid(index, ctypes.byref(luid))
    code = code or helper.ConvertInterfaceLuidToAlias(ctypes.byref(luid), alias, _LONGEST_ALIAS)
    if code:
        raise LocalError(f"Windows does not name its adapter with index {index} (code {code})")
    return alias.value
