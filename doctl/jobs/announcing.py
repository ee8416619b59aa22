"""Tells the coordination service what this machine shares, so that others find it."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from doctl.coordination.client import Membership
from doctl.errors import NetworkError, ServiceError
from doctl.jobs.alongside import alongside
from doctl.jobs.finding import GOODBYE, Joining, Place, joining
from doctl.jobs.rendezvous import Rendezvous
from doctl.net.base import Network
from doctl.wire.hash_file import content_id
from doctl.wire.joining import JoinAnswer, JoinEvent

AT_ONCE: Final = 4
"""Joins under way at a time."""


class _Announcer:
    """Joins many swarms at one service, a few at a time, and says once that it does not answer."""

    def __init__(self, service: Joining, say: Callable[[str], None]) -> None:
        self._service = service
        self._say = say
        self._said = ""
        self._turns = asyncio.Semaphore(AT_ONCE)

    def membership(self, network: Network, place: Place) -> Membership:
        async def join(event: JoinEvent) -> JoinAnswer:
            async with self._turns:
                return await self._service.join(place, event)

        return Membership(join, heard=self._hear, failed=self._fail, now=network.now, chance=random.random)

    def _hear(self, _answer: JoinAnswer) -> None:
        self._said = ""

    def _fail(self, error: NetworkError | ServiceError) -> None:
        if str(error) != self._said:
            self._said = str(error)
            self._say(f"the coordination service does not answer ({error}); trying again later")


@contextlib.asynccontextmanager
async def announced(
    network: Network,
    rendezvous: Rendezvous | None,
    swarms: Iterable[bytes],
    *,
    peer_id: bytes,
    port: int,
    timeout: float,
    say: Callable[[str], None],
) -> AsyncIterator[None]:
    """Keep a place in each of ``swarms`` (HashOfHashes) while the block runs, and say goodbye after it."""
    async with joining(network, rendezvous, timeout) as service:
        if service is None:
            yield
            return
        announcer = _Announcer(service, say)
        places = (Place(content_id(digest), "", peer_id, port, wanted=0) for digest in dict.fromkeys(swarms))
        members = [announcer.membership(network, place) for place in places]
        try:
            async with alongside(*(member.run() for member in members)):
                yield
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await asyncio.gather(*(member.leave() for member in members))
