"""The event loop that doctl runs on: asyncio's own, but for look-ups of names that hold up nobody's end."""

import asyncio
import functools
import socket
import sys
from typing import Any

from doctl.net.threads import uninterruptible

if sys.platform == "win32":
    _Loop = asyncio.ProactorEventLoop
else:
    _Loop = asyncio.SelectorEventLoop


class Loop(_Loop):
    """Looks names up in threads that are left behind when nobody waits for them any more.

    asyncio's own are joined at the end, so that a dead name server would keep the program for as long as the system
    waits for it, ten seconds and more, whatever the timeout was. The HTTP client comes this way.
    """

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Return what ``socket.getaddrinfo`` does."""
        return await uninterruptible(functools.partial(socket.getaddrinfo, host, port, **options))
