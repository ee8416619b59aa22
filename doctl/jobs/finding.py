"""Finding peers through the coordination service: what to tell it, and whom of its answers to call."""

import asyncio
import contextlib
import ipaddress
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from doctl.coordination.client import Membership, Service
from doctl.coordination.peer_list import Found, acceptable, home_of
from doctl.endpoints import Address
from doctl.errors import DoctlError, LocalError, NetworkError, ServiceError
from doctl.jobs.alongside import alongside
from doctl.jobs.rendezvous import Rendezvous
from doctl.net.base import Network
from doctl.settings import DownloadMode, IPAddress
from doctl.sources.peer import PeerSource
from doctl.transfer.desk import Kind
from doctl.transfer.ledger import kind_of_address
from doctl.transfer.turns import SENIORS
from doctl.wire.joining import JoinAnswer, JoinEvent, JoinRequest, Restriction

if TYPE_CHECKING:
    from doctl.transfer.engine import Engine
    from doctl.transfer.link import Link
    from doctl.transfer.node import Node
    from doctl.transfer.share import Share

ENOUGH: Final = 8
"""Connected peers from which on a machine is no longer hungry."""
MOST_CALLED: Final = 40
"""Found peers that are called or connected at a time."""
MOST_KINDS: Final = 10_000
"""Addresses that are remembered with what the service says of them."""
MOST_CALLS: Final = 3
"""Calls in vain after which a found address is left alone."""
CALLING: Final = 5.0
"""Seconds for one call."""
STAGGER: Final = 1.0
"""Seconds between calls to the addresses of one peer."""
GOODBYE: Final = 2.0
"""Seconds for the last join."""


@dataclass(slots=True)
class Place:
    """What is told the service of one content on this machine; the functions give bytes as they are now."""

    content_id: str
    url: str
    peer_id: bytes
    port: int
    wanted: int = 50
    background: bool = False
    left: Callable[[], int] = lambda: 0
    received: Callable[[Kind], int] = lambda _kind: 0
    sent: Callable[[], int] = lambda: 0
    sequence: int = field(default=0)


class Joining:
    """Joins swarms at one service for this machine."""

    def __init__(self, network: Network, service: Service, rendezvous: Rendezvous) -> None:
        self.service = service
        self._network = network
        self._rendezvous = rendezvous
        self._prefix: int | None = None
        self._looked = False

    def of(self, rendezvous: Rendezvous) -> "Joining":
        """Return the same for another download mode."""
        return Joining(self._network, self.service, rendezvous)

    async def join(self, place: Place, event: JoinEvent) -> JoinAnswer:
        """Take, keep or leave ``place``."""
        geo = await self.service.geo()
        reported = self.service.local
        if reported is not None and not (reported.is_private or reported == geo.external_address):
            reported = None
        place.sequence += 1
        return await self.service.join(self._request(place, event, reported, await self._subnet(reported)))

    def _request(self, place: Place, event: JoinEvent, reported: IPAddress | None, prefix: int | None) -> JoinRequest:
        rendezvous = self._rendezvous
        return JoinRequest(
            peer_id=place.peer_id,
            mode=rendezvous.mode,
            content_id=place.content_id,
            url=place.url,
            reported=reported,
            prefix=prefix,
            port=place.port,
            group_id=rendezvous.group,
            restriction=rendezvous.restriction if prefix is not None else Restriction.NAT,
            event=event,
            peers_wanted=place.wanted,
            background=place.background,
            uploaded=place.sent(),
            downloaded=sum(place.received(kind) for kind in Kind),
            downloaded_http=place.received(Kind.HTTP),
            downloaded_cache=place.received(Kind.CACHE),
            left=place.left(),
            sequence=place.sequence,
        )

    async def _subnet(self, reported: IPAddress | None) -> int | None:
        """Return the prefix length of the adapter that has ``reported``, None where no adapter is known to."""
        if not self._looked and reported is not None:
            self._looked = True
            with contextlib.suppress(LocalError):
                for adapter in await self._network.adapters(CALLING):
                    for interface in adapter.addresses:
                        if interface.ip == reported:
                            self._prefix = interface.network.prefixlen
        return self._prefix


@contextlib.asynccontextmanager
async def joining(network: Network, rendezvous: Rendezvous | None, timeout: float) -> AsyncIterator[Joining | None]:
    """Give what asks the service of ``rendezvous``, if there is one; directly, since it must see our own address."""
    if rendezvous is None:
        yield None
        return
    async with network.http(direct=True, timeout=timeout, connections=4) as client:
        service = Service(client, rendezvous.url, now=network.now, token=rendezvous.token, timeout=timeout)
        yield Joining(network, service, rendezvous)


class Finder:
    """Calls the peers that the service names, for an engine that is at work, and keeps our own place in the swarm."""

    def __init__(self, joining: Joining, rendezvous: Rendezvous, place: Place, *, say: Callable[[str], None]) -> None:
        self.hopeful = True
        """Whether the service may yet bring peers: it answered when last asked."""
        self.answered = False
        """Whether it was asked, however that went."""
        self._joining = joining
        self._rendezvous = rendezvous
        self._place = place
        self._say = say
        self._said = ""
        self._kinds: dict[str, Kind] = {}
        self._in_vain: Counter[tuple[object, ...]] = Counter()
        self._called: dict[bytes, tuple[object, ...]] = {}

    @contextlib.asynccontextmanager
    async def at_work(
        self, engine: "Engine", node: "Node", share: "Share", now: Callable[[], float]
    ) -> AsyncIterator[None]:
        """Find peers while the block runs; say goodbye after it."""
        share.kind_of = self.kind_of

        def heard(answer: JoinAnswer) -> None:
            if not self.answered and len(answer.peers) >= SENIORS:
                engine.plan.turns.defer()
            self.answered, self.hopeful, self._said = True, True, ""
            self._hear(answer, engine, node, share, now)

        membership = Membership(
            lambda event: self._joining.join(self._place, event),
            heard=heard,
            failed=self._fail,
            hungry=lambda: not engine.plan.complete and len(share.links) < ENOUGH,
            now=now,
            chance=random.random,
        )
        try:
            async with alongside(membership.run()):
                yield
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await membership.leave()

    def _fail(self, error: NetworkError | ServiceError) -> None:
        self.answered, self.hopeful = True, False
        if str(error) != self._said:
            self._said = str(error)
            self._say(f"the coordination service does not answer ({error}); trying again later")

    def _hear(
        self, answer: JoinAnswer, engine: "Engine", node: "Node", share: "Share", now: Callable[[], float]
    ) -> None:
        local = self._joining.service.local
        own = {local} if local is not None else set()
        home = home_of(self._rendezvous.url, own, self._place.port, self._place.peer_id)
        connected = {link.remote_id for link in share.links}
        for found in acceptable(answer.peers, answer.external_address, home):
            for address in found.addresses if len(self._kinds) < MOST_KINDS else ():
                self._kinds[address.host] = Kind(found.kind.value)
            if len(self._called) >= MOST_CALLED or engine.plan.complete:
                continue
            if found.peer_id in connected or found.peer_id in self._called:
                continue
            if self._in_vain[found.addresses] < MOST_CALLS:
                self._call(found, engine, node, share, now)

    def _call(self, found: Found, engine: "Engine", node: "Node", share: "Share", now: Callable[[], float]) -> None:
        async def dial() -> "Link":
            link = await _first_that_answers(found, node, share)
            self._in_vain[found.addresses] = 0
            return link

        self._called[found.peer_id] = found.addresses
        self._in_vain[found.addresses] += 1
        source = PeerSource(str(found.addresses[0]), self._booked(found), dial, now, redial=False)
        engine.add(source).add_done_callback(lambda _task: self._called.pop(found.peer_id, None))

    def _booked(self, found: Found) -> Kind:
        return self.kind_of(found.addresses[0].host)

    def kind_of(self, host: str) -> Kind:
        """Return how to book a peer at ``host``: as the service says, else by what the download mode allows."""
        kind = self._kinds.get(host) or self._guess(host)
        if self._rendezvous.windows_accounting and kind is Kind.LAN:
            return kind_of_address(host)
        return kind

    def _guess(self, host: str) -> Kind:
        mode = self._rendezvous.mode
        if mode is DownloadMode.LAN:
            return Kind.LAN
        if mode is DownloadMode.GROUP and not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            return Kind.GROUP
        return kind_of_address(host)


async def _first_that_answers(found: Found, node: "Node", share: "Share") -> "Link":
    """Call each address a little after the one before, and return the first link, else the last error."""
    error: DoctlError = NetworkError("no address to call")
    calls = {
        asyncio.create_task(_call_later(place * STAGGER, node, share, address))
        for place, address in enumerate(found.addresses)
    }
    try:
        for ended in asyncio.as_completed(calls):
            try:
                return await ended
            except NetworkError as problem:
                error = problem
    finally:
        for call in calls:
            call.cancel()
    raise error


async def _call_later(delay: float, node: "Node", share: "Share", address: Address) -> "Link":
    await asyncio.sleep(delay)
    return await node.dial(address, share, CALLING)
