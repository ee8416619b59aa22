"""Reads what this machine says about proxies."""

import os
import socket
import sys
from typing import Final

from doctl.errors import LocalError
from doctl.net.proxies import macos, windows
from doctl.net.proxies.route import VARIABLES, ProxySettings, SystemSettings

LONGEST: Final = 32768
"""Characters of a variable that count; what is longer is cut."""
_TOWARDS: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation (RFC 5737, RFC 3849): a route towards them is the default route. Nothing is sent."""


async def read(timeout: float, platform: str = sys.platform) -> ProxySettings:
    """Return the settings of this machine; what cannot be read within ``timeout`` seconds is told in them."""
    system, unreadable = await _system(timeout, platform)
    return ProxySettings(
        environment={name: text[:LONGEST] for name, text in os.environ.items() if name.lower() in VARIABLES},
        system=system,
        unreadable=unreadable,
        winhttp=await windows.winhttp(timeout) if platform == "win32" else "",
        own_addresses=own_addresses(),
    )


async def _system(timeout: float, platform: str) -> tuple[SystemSettings | None, str]:
    try:
        if platform == "win32":
            return windows.read(), ""
        if platform == "darwin":
            return await macos.read(timeout), ""
    except LocalError as error:
        return None, f"the system's own proxy settings could not be read: {error}"
    return None, ""


def own_addresses() -> tuple[str, ...]:
    """Return the addresses that this machine uses towards the rest of the world, IPv4 first; without any, loopback."""
    found = []
    for family, towards in _TOWARDS:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect((towards, 9))
                found.append(str(sock.getsockname()[0]))
        except OSError:
            continue
    return tuple(found) or ("127.0.0.1",)
