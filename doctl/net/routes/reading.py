"""Asks this system for the way to an address; nothing is sent there."""

import functools
import sys

from doctl.errors import LocalError
from doctl.net.routes import Route
from doctl.net.threads import uninterruptible


async def read(address: str, timeout: float, platform: str = sys.platform) -> Route:
    """Return the way to ``address``, a literal, as this system would send now.

    UnreachableError where there is none, LocalError where the system does not tell within ``timeout`` seconds.
    """
    if platform == "darwin":
        from doctl.net.routes import macos  # noqa: PLC0415 - only the one for this system is loaded

        return await macos.route(address, timeout)
    try:
        return await uninterruptible(functools.partial(_route, address, platform), timeout)
    except TimeoutError:
        raise LocalError(f"{address}: the route was not told within {timeout:g} s") from None


def _route(address: str, platform: str) -> Route:
    if platform == "win32":
        from doctl.net.routes import windows  # noqa: PLC0415 - as above

        return windows.route(address)
    if platform == "linux":
        from doctl.net.routes import linux  # noqa: PLC0415 - as above

        return linux.route(address)
    from doctl.net.routes import elsewhere  # noqa: PLC0415 - as above

    return elsewhere.route(address)
