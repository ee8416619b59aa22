"""Asks Teredo servers, one after the other, which NAT this machine is behind."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from doctl.endpoints import Address, hosts_of
from doctl.errors import NameLookupError, NetworkError
from doctl.net.probe import Outcome, family_of, outcome_of
from doctl.wire.qualification import NONCES_SIZE, Ask, Nat, Pace, Qualification, Result, second_of

if TYPE_CHECKING:
    from doctl.net.base import Datagrams, Network

DOCUMENTED: Final = tuple(Address(host.pattern, host.port) for host in hosts_of("teredo"))
"""The servers of Windows, today's first; those of older versions tell a NAT just as well."""
ANY_PORT: Final = Address("0.0.0.0", 0)  # noqa: S104 - the answers come from outside
TRIES: Final = 3
"""How often each question is put (RFC 4380 section 5.2.1)."""
BEST: Final = 3
SHORTEST: Final = 0.1
"""Seconds that asking a server is worth beginning with."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One server, and what came of asking it; ``result`` is None where it could not be asked, as ``problem`` tells.

    ``local_port`` is the port on this machine that ``result.mapped`` stands for. ``rejected`` is what the network said
    of datagrams that it did not deliver, None where it said nothing.
    """

    name: Address
    server: Address | None = None
    second: Address | None = None
    result: Result | None = None
    local_port: int = 0
    rejected: Outcome | None = None
    problem: str = ""

    @property
    def worth(self) -> int:
        """How much it says: BEST for a kind of NAT, 2 for one address that answers, 1 for silence, 0 for nothing."""
        if self.result is None:
            return 0
        return {None: 2, Nat.BLOCKED: 1}.get(self.result.nat, BEST)


async def ask_in_turn(
    network: "Network",
    servers: Sequence[Address],
    second: Address | None,
    timeout: float,
    *,
    within: float | None = None,
) -> list[Asked]:
    """Ask ``servers`` in turn, each for ``timeout`` seconds, until one tells the kind of NAT; return all, best first.

    ``second`` is the second address of them all, where it is not the next one. With ``within`` no server is begun with,
    and none goes on, after so many seconds.
    """
    start = network.now()
    places = await asyncio.gather(*(_find(network, each, timeout) for each in servers))
    other = await _find(network, second, timeout) if second else None
    if isinstance(other, NetworkError):
        return [Asked(name, problem=str(other)) for name in servers]
    asked: list[Asked] = []
    for name, place in zip(servers, places, strict=True):
        left = timeout if within is None else min(timeout, within - (network.now() - start))
        if isinstance(place, NetworkError):
            asked.append(Asked(name, problem=str(place)))
        elif place == other:
            asked.append(Asked(name, place, other, problem=f"{name}: its second address is the same as its first"))
        elif left < SHORTEST:
            asked.append(Asked(name, place, other, problem=f"{name}: there was no time left to ask it"))
        elif place not in [each.server for each in asked]:
            asked.append(await _ask(network, name, place, other or second_of(place), Pace(TRIES, left / TRIES)))
            if asked[-1].worth == BEST:
                break
    return sorted(asked, key=lambda each: -each.worth)


async def _find(network: "Network", name: Address, timeout: float) -> Address | NetworkError:
    """Return the first IPv4 address of a server, since Teredo is for networks without IPv6."""
    try:
        found = await network.resolve(name.host, timeout)
    except NetworkError as error:
        return error
    ipv4 = [host for host in found if family_of(host) == "ipv4"]
    return Address(ipv4[0], name.port) if ipv4 else NameLookupError(f"{name.host}: the name has no IPv4 address")


async def _ask(network: "Network", name: Address, server: Address, second: Address, pace: Pace) -> Asked:
    async with await network.datagrams(ANY_PORT) as cone, await network.datagrams(ANY_PORT) as plain:
        machine = Qualification(server, second, secrets.token_bytes(NONCES_SIZE), network.now(), pace)
        exchange = _Exchange(network, machine, {Ask.CONE: cone, Ask.SERVER: plain, Ask.SECOND: plain})
        await exchange.run()
        result = machine.result
        used = cone if result.nat is Nat.CONE else plain
        return Asked(name, server, second, result, used.local.port, exchange.rejected)


@dataclass
class _Exchange:
    """The datagrams of one qualification, on their way."""

    network: "Network"
    machine: Qualification
    sockets: "dict[Ask, Datagrams]"
    rejected: Outcome | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Send and receive until there is nothing left to wait for."""
        async with asyncio.TaskGroup() as group:
            listening = [group.create_task(self._listen(each)) for each in set(self.sockets.values())]
            now = self.network.now()
            while (wake := self.machine.wake(now)) is not None:
                await self._send(now)
                now = await self._wait(max(now, wake))
            for task in listening:
                task.cancel()

    async def _send(self, now: float) -> None:
        for sending in self.machine.due(now):
            try:
                await self.sockets[sending.ask].send(sending.data, sending.to)
            except NetworkError as error:
                self._note(error)

    async def _wait(self, until: float) -> float:
        """Wait for something to come in, but not longer than ``until``, and return the time."""
        try:
            async with asyncio.timeout(max(until - self.network.now(), 0)):
                await self.news.wait()
        except TimeoutError:
            return max(until, self.network.now())
        self.news.clear()
        return self.network.now()

    async def _listen(self, socket: "Datagrams") -> None:
        while True:
            try:
                data, sender = await socket.receive()
            except NetworkError as error:
                self._note(error)
            else:
                self.machine.receive(data, sender, self.network.now())
                self.news.set()
            await asyncio.sleep(0)  # a flood must not keep the others from their turn

    def _note(self, error: NetworkError) -> None:
        if self.rejected is not Outcome.REFUSED:
            self.rejected = outcome_of(error)
