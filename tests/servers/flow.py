"""A flow of bytes and the sink that it goes to, each a program of its own, to see who gets how much of a link.

python -m tests.servers.flow sink HOST PORT
python -m tests.servers.flow plain|background HOST PORT SECONDS

The sink prints a line when it listens, and one for each half second with the bytes that came. A flow prints one JSON
object at its end: the bits a second that were acknowledged, its round trips in seconds, and how it gives way.
"""

import asyncio
import json
import socket
import sys
from typing import Any

from doctl.endpoints import Address
from doctl.net.background import read_info
from doctl.net.system import SystemConnection, SystemNetwork
from doctl.transfer.background import Ledbat

STRETCH = 1 << 20
LOOK = 0.02
WARM_UP = 0.2
"""Of the time: what passes before anything is measured."""


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


async def flow(host: str, port: int, seconds: float, *, gives_way: bool) -> dict[str, object]:
    """Send for some seconds and tell how it went."""
    sock = socket.create_connection((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")
    connection = SystemConnection(sock)
    means = connection.give_way(Ledbat()) if gives_way else "plain cubic"
    sending = asyncio.create_task(_send(connection))
    await asyncio.sleep(seconds * WARM_UP)
    before = _info(sock)
    round_trips = []
    loop = asyncio.get_running_loop()
    start = loop.time()
    while loop.time() - start < seconds * (1 - WARM_UP):
        await asyncio.sleep(LOOK)
        round_trips.append(_info(sock).rtt)
    rate = (_info(sock).acked - before.acked) * 8 / (loop.time() - start)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    connection.close()
    return {"means": means, "rate": rate, "round_trips": round_trips}


def _info(sock: socket.socket) -> Any:
    return read_info(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256))


async def _send(connection: SystemConnection) -> None:
    data = memoryview(bytes(STRETCH))
    while True:
        await connection.send(data[: await connection.room(STRETCH)])


def main() -> None:
    """Do what the command line says."""
    verb, host, port, *rest = sys.argv[1:]
    if verb == "sink":
        asyncio.run(sink(host, int(port)))
    print(json.dumps(asyncio.run(flow(host, int(port), float(rest[0]), gives_way=verb == "background"))))


if __name__ == "__main__":
    main()
