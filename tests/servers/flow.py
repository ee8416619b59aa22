"""A flow of bytes and the sink that it goes to, each a program of its own, to see who gets how much of a link.

python -m tests.servers.flow sink HOST PORT
python -m tests.servers.flow plain|background HOST PORT SECONDS [TARGET]

TARGET is the queueing delay to aim at, in seconds; without it that is doctl's to choose. The sink prints a line when it
listens. A flow prints one JSON object at its end: how it gives way, the bits a second that were acknowledged after the
warm-up, and each look at it: when (seconds on the system's monotonic clock), the round trip in seconds, the bytes
acknowledged since the beginning.
"""

import asyncio
import json
import math
import socket
import sys
from collections.abc import Sequence

from doctl.endpoints import Address
from doctl.net.background import info_of
from doctl.net.system import SystemConnection, SystemNetwork
from doctl.transfer.background import Ledbat

STRETCH = 1 << 20
LOOK = 0.02
WARM_UP = 0.2
"""Of the time: what passes before the rate is measured."""

Look = tuple[float, float, int]


async def sink(host: str, port: int) -> None:
    """Swallow whatever comes, from many at once, until killed."""
    listener = await SystemNetwork().listen(Address(host, port))
    print(listener.address.port, flush=True)
    swallowing = set()
    while True:
        swallowing.add(asyncio.create_task(_swallow(await listener.accept())))


async def _swallow(connection: SystemConnection) -> None:
    buffer = memoryview(bytearray(STRETCH))
    while await connection.receive_into(buffer):
        pass
    connection.close()


async def flow(host: str, port: int, seconds: float, controller: Ledbat | None) -> dict[str, object]:
    """Send for some seconds and tell how it went."""
    sock = socket.create_connection((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    connection = SystemConnection(sock)
    means = connection.give_way(controller) if controller is not None else "plain cubic"
    sending = asyncio.create_task(_send(connection))
    looks = [_look(sock)]
    while looks[-1][0] - looks[0][0] < seconds:
        await asyncio.sleep(LOOK)
        looks.append(_look(sock))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    connection.close()
    return {"means": means, "rate": rate(looks, since=looks[0][0] + seconds * WARM_UP), "looks": looks}


def _look(sock: socket.socket) -> Look:
    info = info_of(sock)
    return asyncio.get_running_loop().time(), info.rtt, info.acked


def rate(looks: Sequence[Look], since: float = 0.0, until: float = math.inf) -> float:
    """Return the bits a second that were acknowledged between two times."""
    within = [look for look in looks if since <= look[0] <= until]
    return (within[-1][2] - within[0][2]) * 8 / (within[-1][0] - within[0][0])


async def _send(connection: SystemConnection) -> None:
    data = memoryview(bytes(STRETCH))
    while True:
        await connection.send(data[: await connection.room(STRETCH)])


def main() -> None:
    """Do what the command line says."""
    verb, host, port, *rest = sys.argv[1:]
    if verb == "sink":
        asyncio.run(sink(host, int(port)))
    seconds, *target = map(float, rest)
    controller = Ledbat(*target) if verb == "background" else None
    print(json.dumps(asyncio.run(flow(host, int(port), seconds, controller))))


if __name__ == "__main__":
    main()
