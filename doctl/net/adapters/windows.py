"""What Windows knows of its adapters: types by GetAdaptersAddresses, descriptions by ifaddr."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from doctl.errors import LocalError
from doctl.net.adapters import KINDS_OF_TYPE, Details, Kind
from doctl.printable import printable

MOST_BYTES: Final = 16 << 20
MOST_ADAPTERS: Final = 10_000
PROPRIETARY_VIRTUAL: Final = 53

_FLAGS: Final = 0x0002 | 0x0004 | 0x0008
"""No anycast and multicast addresses and no DNS servers; asked for those of IPv6, Wine fails with code 9852."""
_OVERFLOW: Final = 111
_NO_DATA: Final = 232
_UP: Final = 1


class _Address(ctypes.Structure):
    """IP_ADAPTER_ADDRESSES_LH of iphlpapi.h, as far as OperStatus; what follows is not read."""


_Address._fields_ = [
    ("length", ctypes.c_ulong),
    ("if_index", ctypes.c_ulong),
    ("next", ctypes.POINTER(_Address)),
    ("adapter_name", ctypes.c_char_p),
    ("first_unicast", ctypes.c_void_p),
    ("first_anycast", ctypes.c_void_p),
    ("first_multicast", ctypes.c_void_p),
    ("first_dns_server", ctypes.c_void_p),
    ("dns_suffix", ctypes.c_wchar_p),
    ("description", ctypes.c_wchar_p),
    ("friendly_name", ctypes.c_wchar_p),
    ("physical_address", ctypes.c_ubyte * 8),
    ("physical_address_length", ctypes.c_ulong),
    ("flags", ctypes.c_ulong),
    ("mtu", ctypes.c_ulong),
    ("if_type", ctypes.c_ulong),
    ("oper_status", ctypes.c_int),
]


@dataclass(frozen=True, slots=True)
class Interface:
    """One entry of GetAdaptersAddresses. ``guid`` is with braces; routes name adapters by it, psutil by the alias."""

    guid: str
    alias: str
    if_type: int
    up: bool


def details() -> dict[str, Details]:
    """Return what the system knows of each adapter, by the name that psutil gives it."""
    described = descriptions()
    return {entry.alias: describe(entry, described.get(entry.guid, "")) for entry in interfaces()}


def describe(entry: Interface, description: str) -> Details:
    """Put together what the two sources say of one adapter."""
    unknown = Kind.VIRTUAL if entry.if_type == PROPRIETARY_VIRTUAL else Kind.UNKNOWN
    kind = KINDS_OF_TYPE.get(entry.if_type, unknown)
    return Details(kind, entry.if_type, printable(description, 200), route_name=entry.guid)


def descriptions() -> dict[str, str]:
    """Return what each adapter's driver calls it, by GUID."""
    import ifaddr  # noqa: PLC0415 - only Windows needs it

    try:
        return {_guid(adapter.name): str(adapter.nice_name) for adapter in ifaddr.get_adapters(True)}
    except OSError:
        return {}


def _guid(name: object) -> str:
    return name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)


def interfaces() -> list[Interface]:
    """Ask Windows for its interfaces; LocalError when it does not answer."""
    libraries = getattr(ctypes, "windll", None)
    if libraries is None:
        raise LocalError("GetAdaptersAddresses is there on Windows only")
    size = ctypes.c_ulong(64 * 1024)
    while size.value <= MOST_BYTES:
        buffer = ctypes.create_string_buffer(size.value)
        code = libraries.iphlpapi.GetAdaptersAddresses(0, _FLAGS, None, buffer, ctypes.byref(size))
        if code == 0:
            return list(_entries(ctypes.cast(buffer, ctypes.POINTER(_Address))))
        if code == _NO_DATA:
            return []
        if code != _OVERFLOW:
            break
    raise LocalError(f"GetAdaptersAddresses failed with code {code}")


def _entries(pointer: "ctypes._Pointer[_Address]") -> Iterator[Interface]:
    for _ in range(MOST_ADAPTERS):
        if not pointer:
            return
        entry = pointer.contents
        guid = (entry.adapter_name or b"").decode("ascii", "replace")
        yield Interface(guid, entry.friendly_name or guid, entry.if_type, entry.oper_status == _UP)
        pointer = entry.next
