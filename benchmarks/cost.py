"""What giving way costs where nobody else is: two uploads over the same way in turn, one of which gives way.

python -m benchmarks.cost HOST PORT      prints the Mbit/s of both as JSON
"""

import asyncio
import json
import socket
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.bottleneck import FLOW, PORT, bottleneck, first_line
from doctl.net.background import info_of
from doctl.net.system import SystemConnection
from doctl.transfer.background import Ledbat
from tests import namespaces

GIGABIT = (1000, 100)
"""Mbit/s, and milliseconds of buffer."""
TURN = 0.25
"""Seconds that each sends before the other does: short beside what else changes on a machine in use."""
TURNS = 4
"""That count, after a first one."""
PAIRS = 24
"""Pairs of connections, each of which has its own luck with memory and processors."""
EMPTY = 0.001
"""Seconds between looks whether all of a turn has arrived."""
STRETCH = memoryview(bytes(1 << 20))


@dataclass(frozen=True)
class Cost:
    """Mbit/s of plain TCP and of an upload that gives way, for each pair of connections."""

    place: str
    plain: list[float]
    giving_way: list[float]

    @property
    def ratio(self) -> float:
        """What giving way leaves of the speed."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.giving_way, self.plain, strict=True))

    def __str__(self) -> str:
        return f"{self.place:<16} giving way {self.ratio:5.3f} of plain TCP's"


class Upload:
    """One connection that sends in turns."""

    def __init__(self, host: str, port: int, *, gives_way: bool) -> None:
        self._socket = socket.create_connection((host, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
        self._connection = SystemConnection(self._socket)
        self._sent = 0
        self.rates: list[float] = []
        if gives_way:
            self._connection.give_way(Ledbat())

    async def turn(self) -> None:
        """Send for a while and until all has arrived; note the Mbit/s."""
        loop, before = asyncio.get_running_loop(), self._sent
        start = loop.time()
        while loop.time() - start < TURN:
            count = await self._connection.room(len(STRETCH))
            await self._connection.send(STRETCH[:count])
            self._sent += count
        while info_of(self._socket).acked < self._sent:  # noqa: ASYNC110 - the kernel has to be asked
            await asyncio.sleep(EMPTY)
        self.rates.append((self._sent - before) * 8 / 1e6 / (loop.time() - start))

    def close(self) -> None:
        """End it."""
        self._connection.close()


async def pair(host: str, port: int) -> list[float]:
    """Let two uploads take turns, now this one first and now that; return Mbit/s, the plain one's and ours."""
    uploads = [Upload(host, port, gives_way=gives_way) for gives_way in (False, True)]
    for number in range(1 + TURNS):
        for upload in uploads[:: (-1) ** number]:
            await upload.turn()
    for upload in uploads:
        upload.close()
    return [statistics.median(upload.rates[1:]) for upload in uploads]


def costs(pairs: int = PAIRS) -> Iterator[Cost]:
    """Compare on loopback and on an idle gigabit."""
    with bottleneck(*GIGABIT) as link:
        first_line(link.receiver.start(*FLOW, "sink", "127.0.0.1", str(PORT)))
        yield _cost("loopback", link.receiver, "127.0.0.1", pairs)
        yield _cost("an idle gigabit", link.sender, link.receiver.ipv4, pairs)


def _cost(place: str, host: namespaces.Host, address: str, pairs: int) -> Cost:
    cost = Cost(place, [], [])
    for _ in range(pairs):
        done = host.run(sys.executable, "-m", "benchmarks.cost", address, str(PORT))
        plain, giving_way = json.loads(done.stdout)
        cost.plain.append(plain)
        cost.giving_way.append(giving_way)
    return cost


if __name__ == "__main__":
    where, at = sys.argv[1:]
    print(json.dumps(asyncio.run(pair(where, int(at)))))
