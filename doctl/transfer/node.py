"""This machine among peers: accepts and opens MS-DO connections for the contents it shares."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from types import TracebackType
from typing import Final, Self

from doctl.endpoints import Address
from doctl.errors import DoctlError, NetworkError, ProtocolError
from doctl.net.base import Connection, Listener, Network
from doctl.transfer.link import USUAL, Link, Times
from doctl.transfer.share import Share
from doctl.wire.places import owner_of_host

MAX_LINKS: Final = 64
"""Connections of one swarm, both ways."""
MAX_OF_HOST: Final = 16
"""Of these, those that callers from one address may have: more than one machine needs, and not all that there are."""
MAX_STRANGERS: Final = 64
"""Accepted connections that have not said yet what they want."""


class Node:
    """All connections of this process. An asynchronous context manager: leaving it closes every one."""

    def __init__(self, network: Network, peer_id: bytes | None = None, *, times: Times = USUAL) -> None:
        self.peer_id = peer_id or secrets.token_bytes(16) + bytes(4)
        self._network = network
        self._times = times
        self._shares: dict[bytes, Share] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._strangers: dict[Connection, tuple[asyncio.Task[None], str]] = {}
        self._open = True

    async def __aenter__(self) -> Self:
        self._start(self._take_turns())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, share: Share) -> None:
        """Take part in the swarm of ``share`` from now on."""
        self._shares[share.swarm_hash] = share

    def open(self, *, to_peers: bool) -> None:
        """Deal with peers from now on, or end every connection and take no other."""
        self._open = to_peers
        if not to_peers:
            self._hang_up(lambda _link: True, "peers may not be used now")

    def leave_addresses(self, gone: Collection[str]) -> None:
        """End the connections from addresses that this machine has no more: nothing comes over them any more."""
        self._hang_up(lambda link: link.connection.local.host in gone, "our address is gone")

    def _hang_up(self, which: Callable[[Link], bool], why: str) -> None:
        for link in [link for share in self._shares.values() for link in share.links if which(link)]:
            link.end(NetworkError(f"{link.connection.remote}: {why}"))

    def accept_on(self, listener: Listener) -> None:
        """Accept peers on ``listener`` in the background until the node is left; closes the listener then."""
        self._start(self._accept(listener))

    async def dial(self, address: Address, share: Share, timeout: float) -> Link:
        """Connect to a peer and shake hands; the connection is then alive in the background."""
        connection = await self._network.connect(address, timeout)
        try:
            link = Link(connection, self._network.now(), dialled=True, times=self._times)
            await link.introduce(share.swarm_hash, self.peer_id)
            answer = await link.meet()
            if answer.swarm_hash != share.swarm_hash:
                raise ProtocolError(f"{address}: answered for another swarm")
            self._admit(link, share)
        except BaseException:
            connection.close()
            raise
        link.join(share)
        self._start(link.run(), connection)
        return link

    def _admit(self, link: Link, share: Share) -> None:
        """Refuse a peer that is ourselves, connected already, banned, or one too many."""
        where = link.connection.remote
        if not self._open:
            raise NetworkError(f"{where}: peers may not be used now")
        if link.remote_id == self.peer_id:
            raise NetworkError(f"{where}: is this machine itself")
        for twin in share.links:
            if twin.remote_id == link.remote_id:
                self._choose(link, twin)
        if link.who in share.banned:
            raise NetworkError(f"{where}: banned for sending bad pieces")
        if len(share.links) >= MAX_LINKS:
            raise NetworkError(f"{where}: {MAX_LINKS} peers are connected already")
        callers = [other for other in share.links if not other.dialled and other.connection.remote.host == where.host]
        if not link.dialled and len(callers) >= MAX_OF_HOST:
            raise NetworkError(f"{where}: {MAX_OF_HOST} callers from that address are connected already")

    def _choose(self, link: Link, twin: Link) -> None:
        """Keep one of two connections to the same peer, the same one that the peer keeps.

        Two machines that dial each other at once would else refuse each other's call, and then have none: of a call
        in each direction, that of the greater peer id stays. A second call in one direction, or one from another
        address under the same id, is refused.
        """
        greater_calls = link.dialled == (self.peer_id > link.remote_id)
        same_host = link.connection.remote.host == twin.connection.remote.host
        if link.dialled == twin.dialled or not same_host or not greater_calls:
            raise NetworkError(f"{link.connection.remote}: connected already")
        twin.end(NetworkError(f"{twin.connection.remote}: connected the other way round as well"))

    async def _accept(self, listener: Listener) -> None:
        try:
            while True:
                connection = await listener.accept()
                owner = owner_of_host(connection.remote.host)
                self._strangers[connection] = self._start(self._greet(connection), connection), owner
                if len(self._strangers) > MAX_STRANGERS:
                    self._send_one_away()
                await asyncio.sleep(0)  # accepting does not wait while callers queue up
        finally:
            listener.close()

    def _send_one_away(self) -> None:
        """Hang up on a stranger: of the owner that has most of them, the one that has been silent for longest.

        Whoever is honest says what it wants in its first packet, and is no stranger any more.
        """
        (crowd, _), *_ = Counter(owner for _, owner in self._strangers.values()).most_common(1)
        longest = next(connection for connection, (_, owner) in self._strangers.items() if owner == crowd)
        greeting, _ = self._strangers.pop(longest)
        greeting.cancel()

    async def _greet(self, connection: Connection) -> None:
        """Answer a stranger's handshake if it names a swarm of ours; else close without a word."""
        link = Link(connection, self._network.now(), times=self._times)
        try:
            share = await self._welcome(link)
        except DoctlError:
            return
        finally:
            self._strangers.pop(connection, None)
        link.join(share)
        share.on_link(link)
        await link.run()

    async def _welcome(self, link: Link) -> Share:
        handshake = await link.meet()
        share = self._shares.get(handshake.swarm_hash)
        if share is None:
            raise ProtocolError(f"{link.connection.remote}: asked for a swarm that is not here")
        self._admit(link, share)
        await link.introduce(share.swarm_hash, self.peer_id)
        if not self._open:  # since then
            raise NetworkError(f"{link.connection.remote}: peers may not be used now")
        return share

    async def _take_turns(self) -> None:
        while True:
            await asyncio.sleep(self._times.look)
            for slots in {share.slots for share in self._shares.values()}:
                slots.take_turns()

    def _start(self, work: Coroutine[None, None, None], connection: Connection | None = None) -> asyncio.Task[None]:
        """Let ``work`` run in the background; ``connection`` is closed at its end, even if it never began."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if connection is not None:
            task.add_done_callback(lambda _task: connection.close())
        return task
