"""DNS-SD over multicast DNS (RFC 6762, RFC 6763): tells the local network of this machine, and hears of others."""

import asyncio
import contextlib
import platform
import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from doctl.endpoints import Address
from doctl.errors import LocalError, MissingExtraError

SERVICE: Final = "_dosvc._tcp.local."
"""The service type that Windows 11 announces for Delivery Optimization."""
ASKING: Final = 3000
"""Milliseconds that the details of an instance may take."""
MOST_AT_ONCE: Final = 64
"""Instances whose details are asked for at a time; more than a network of this size can have are passed over."""
_UNFIT = re.compile(r"[^A-Za-z0-9-]+")


@contextlib.asynccontextmanager
async def neighbours(port: int, own: Iterable[str], found: Callable[[Address], None]) -> AsyncIterator[None]:
    """Announce ``own`` addresses with ``port`` while the block runs, and call ``found`` with what others announce.

    Raises MissingExtraError without the library, LocalError where the system has no multicast.
    """
    try:
        from zeroconf import BadTypeInNameException, ServiceStateChange, Zeroconf  # noqa: PLC0415 - an extra
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415 - same
    except ImportError:
        raise MissingExtraError(
            "looking for peers on the local network needs an optional part: pip install 'doctl-toolkit[discovery]'"
        ) from None
    asking: set[asyncio.Task[None]] = set()

    async def ask(zeroconf: Zeroconf, name: str) -> None:
        try:
            info = AsyncServiceInfo(SERVICE, name)
        except BadTypeInNameException:  # anybody on the network may announce anything
            return
        if await info.async_request(zeroconf, ASKING) and info.port and info.name != ours.name:
            for address in info.parsed_addresses():
                found(Address(address, info.port))

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:  # noqa: ARG001 - passed by name
        if state_change is not ServiceStateChange.Removed and len(asking) < MOST_AT_ONCE:
            task = asyncio.create_task(ask(zeroconf, name))
            asking.add(task)
            task.add_done_callback(asking.discard)

    host = _UNFIT.sub("-", platform.node().partition(".")[0])[:60].strip("-") or "doctl"
    ours = AsyncServiceInfo(
        SERVICE, f"{host}.{SERVICE}", port=port, parsed_addresses=list(own), server=f"{host}.local.", properties={}
    )
    try:
        nearby = AsyncZeroconf()
    except OSError as error:
        raise LocalError(f"no multicast on this machine: {error.strerror or error}") from error
    try:
        await nearby.async_register_service(ours, allow_name_change=True)
        browser = AsyncServiceBrowser(nearby.zeroconf, SERVICE, handlers=[changed])
        try:
            yield
        finally:
            await browser.async_cancel()
    finally:
        for task in asking:
            task.cancel()
        await nearby.async_unregister_all_services()
        await nearby.async_close()
