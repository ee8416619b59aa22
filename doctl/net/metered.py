"""Whether the network is metered: what NetworkManager says on Linux, and the cost of the connection on Windows."""

import ctypes
import re
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from doctl.errors import LocalError
from doctl.net.programs import ask
from doctl.net.threads import uninterruptible

MANAGER: Final = "org.freedesktop.NetworkManager"
RUNNING: Final = Path("/run/NetworkManager")
"""What is there where NetworkManager runs; else nobody need be asked."""
VERDICTS: Final = {"1": True, "3": True, "2": False, "4": False}
"""NMMetered of its D-Bus interface: yes and "guess yes", no and "guess no"; 0 is unknown."""

_LIST_MANAGER: Final = uuid.UUID("dcb00c01-570f-4a9b-8d69-199fdba5723b")
_COST_MANAGER: Final = uuid.UUID("dcb00008-570f-4a9b-8d69-199fdba5723b")
"""CLSID_NetworkListManager and IID_INetworkCostManager of netlistmgr.h."""
_RELEASE, _GET_COST = 2, 3
"""Places in the table of INetworkCostManager's methods."""
_CLSCTX_ALL: Final = 23
UNRESTRICTED: Final = 0x1
PAID: Final = 0x2 | 0x4 | 0x10000 | 0x40000
"""NLM_CONNECTION_COST: fixed, variable, over the data limit, roaming."""


async def read(timeout: float) -> bool | None:
    """Return whether the network is metered, None where the system does not tell within ``timeout`` seconds."""
    try:
        if sys.platform == "win32":
            return of_cost(await uninterruptible(_cost, timeout))
        if sys.platform == "linux" and RUNNING.exists():
            return await _of_manager(timeout)
    except (LocalError, OSError, TimeoutError):
        pass
    return None


async def _of_manager(timeout: float) -> bool | None:
    path = f"/{MANAGER.replace('.', '/')}"
    said = await ask(["busctl", "--auto-start=no", "get-property", MANAGER, path, MANAGER, "Metered"], timeout, 1024)
    return of_property(said.output) if said.code == 0 else None


def of_property(text: str) -> bool | None:
    """Read what busctl says of NetworkManager's property Metered: ``u 1``."""
    match = re.fullmatch(r"u (\d)\s*", text)
    return VERDICTS.get(match[1]) if match else None


def of_cost(cost: int) -> bool | None:
    """Read an NLM_CONNECTION_COST."""
    return True if cost & PAID else False if cost & UNRESTRICTED else None


def _cost() -> int:
    """Ask Windows what the connection to the Internet costs, an NLM_CONNECTION_COST; OSError where it does not say."""
    ole = getattr(ctypes, "windll").ole32  # noqa: B009 - absent from the type stubs of other systems
    if ole.CoInitializeEx(None, 0) < 0:
        raise OSError("COM is not to be had")
    try:
        manager = ctypes.c_void_p()
        ids = [ctypes.create_string_buffer(each.bytes_le, 16) for each in (_LIST_MANAGER, _COST_MANAGER)]
        if ole.CoCreateInstance(ids[0], None, _CLSCTX_ALL, ids[1], ctypes.byref(manager)) < 0:
            raise OSError("there is no INetworkCostManager")
        cost = ctypes.c_ulong()
        result = _method(manager, _GET_COST, ctypes.c_void_p, ctypes.c_void_p)(manager, ctypes.byref(cost), None)
        _method(manager, _RELEASE)(manager)
        if result < 0:
            raise OSError("INetworkCostManager does not tell")
        return cost.value
    finally:
        ole.CoUninitialize()


def _method(thing: ctypes.c_void_p, place: int, *arguments: type[Any]) -> Callable[..., int]:
    """Return the method at ``place`` of a COM object's table; it returns an HRESULT."""
    table = ctypes.cast(thing, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    prototype = getattr(ctypes, "WINFUNCTYPE")(ctypes.c_long, ctypes.c_void_p, *arguments)  # noqa: B009 - as above
    method: Callable[..., int] = prototype(table[place])
    return method
