"""Peers that announce themselves on the local network by DNS-SD; they still need the hash, as any other."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final

from doctl.coordination.peer_list import LOWEST_PORT, home_of
from doctl.endpoints import Address
from doctl.errors import LocalError
from doctl.net.adapters import IPInterface
from doctl.net.base import Network
from doctl.sources.peer import PeerSource
from doctl.transfer.desk import Kind
from doctl.wire.places import literal_of

if TYPE_CHECKING:
    from doctl.transfer.engine import Engine
    from doctl.transfer.link import Link
    from doctl.transfer.node import Node
    from doctl.transfer.share import Share

READING: Final = 5.0
CALLING: Final = 5.0
"""Seconds for one call."""
MOST_CALLED: Final = 40
"""Neighbours that are called in one fetch."""


@contextlib.asynccontextmanager
async def near(
    network: Network, port: int, found: Callable[[Address], None], say: Callable[[str], None]
) -> AsyncIterator[None]:
    """Announce this machine and hear of neighbours while the block runs; where that cannot be, only say so.

    ``found`` hears of those in a subnet of ours: DNS-SD reaches no further, so another address is a lie.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            own = await _own(network)
            addresses = [str(interface.ip) for interface in own]

            def hear(address: Address) -> None:
                if is_near(address, own, port):
                    found(address)

            await stack.enter_async_context(network.neighbours(port, addresses, hear))
        except LocalError as error:
            say(f"going on without the local network's peers: {error}")
        yield


async def _own(network: Network) -> list[IPInterface]:
    """Return the addresses of the adapters that are up; scopes and link-local ones are of no use to others."""
    adapters = await network.adapters(READING)
    found = (interface for adapter in adapters if adapter.up for interface in adapter.addresses)
    return [each for each in found if not each.ip.is_loopback and not each.ip.is_link_local]


def is_near(address: Address, own: list[IPInterface], port: int) -> bool:
    """Whether a neighbour at ``address`` may be called: in a subnet of ours, not ourselves, and no other service."""
    place = literal_of(address.host)
    if place is None or address.port < LOWEST_PORT or not home_of("", (), 0, b"").allows(place):
        return False
    is_us = address.port == port and any(place == interface.ip for interface in own)
    return not is_us and any(place in interface.network for interface in own)


class Callers:
    """Calls each neighbour once, for an engine that is at work."""

    def __init__(self, engine: "Engine", node: "Node", share: "Share", now: Callable[[], float]) -> None:
        self._engine = engine
        self._node = node
        self._share = share
        self._now = now
        self._called: set[Address] = set()

    def call(self, address: Address) -> None:
        """Call ``address``, unless it was called or there is nothing left to fetch."""
        if address in self._called or len(self._called) >= MOST_CALLED or self._engine.plan.complete:
            return
        self._called.add(address)

        async def dial() -> "Link":
            return await self._node.dial(address, self._share, CALLING)

        self._engine.add(PeerSource(str(address), Kind.LAN, dial, self._now, redial=False))
