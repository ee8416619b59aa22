"""Joins a second that coordinators answer while 100,000 peers are registered, in memory and in Redis.

python3 -m benchmarks.coordination STORE        is a coordinator that is measured

Each coordinator is one process with one thread, so one core at most; the clients run in a process of their own. A join
is a whole one: HTTP request, JSON, checks, store, choice among about 100 members of its swarm, answer with 50 peers.
"""

import asyncio
import contextlib
import itertools
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

from benchmarks.machine import processor_seconds
from benchmarks.measure import running
from benchmarks.rows import Row, at_least, at_most
from doctl.coordination.limits import JoinLimit
from doctl.coordination.matching import member_of
from doctl.coordination.server import Coordinator, swarm_name
from doctl.coordination.store import Store
from doctl.coordination.store_memory import MemoryStore
from doctl.coordination.store_redis import RedisStore
from doctl.endpoints import Address
from doctl.net.http_server import serve_http
from doctl.net.system import SystemNetwork
from doctl.settings import DownloadMode
from doctl.wire.joining import JoinRequest
from tests.servers.redis import redis

HERE = Path(__file__).parent

PEERS = 100_000
SWARM = 100
"""Members of one swarm."""
LIFETIME = 1800.0
WRITERS = 32
REQUESTS = 300
CONNECTIONS = 32
WARM_UP = 1.0
SECONDS = 5.0
ENOUGH = 2000.0
"""Joins a second."""
LONGEST = 50.0
"""Milliseconds that 99 of 100 joins may take."""


@dataclass(frozen=True)
class Load:
    """One run: joins a second, milliseconds that 99 of 100 took at the most, joins for a core's second of each."""

    rate: float
    p99: float
    of_coordinators: float
    of_redis: float = 0.0


def join_of(number: int) -> JoinRequest:
    """Return the join of peer ``number``."""
    content_id = f"content-{number % (PEERS // SWARM)}"
    return JoinRequest(peer_id=number.to_bytes(20, "big"), mode=DownloadMode.LAN, content_id=content_id, left=1 << 30)


async def register(store: Store) -> None:
    """Put everybody into swarms of about a hundred."""

    async def write(first: int) -> None:
        for number in range(first, PEERS, WRITERS):
            request = join_of(number)
            seen = IPv4Address((10 << 24) + number)
            await store.join(swarm_name(request.content_id, ""), member_of(request, seen), 0)

    async with asyncio.TaskGroup() as tasks:
        for first in range(WRITERS):
            tasks.create_task(write(first))


async def serve(where: str) -> None:
    """Be a coordinator; a store in memory is filled first."""
    network = SystemNetwork()
    store: Store = RedisStore(where, LIFETIME) if where != "memory" else MemoryStore(network.now, LIFETIME)
    if where == "memory":
        await register(store)
    app = Coordinator(network, store, say=print, limit=JoinLimit(network.now, 1 << 40)).app()
    await serve_http(app, Address("127.0.0.1", 0), None, lambda address: print(address.port, flush=True))


def requests_of(number: int) -> list[bytes]:
    """Return a client's requests, made beforehand so that making them takes nothing from the coordinator's machine."""
    chance = random.Random(number)
    bodies = [join_of(PEERS + chance.randrange(PEERS)).encode() for _ in range(REQUESTS)]
    return [b"POST /array/join/ HTTP/1.1\r\nHost: b\r\nContent-Length: %d\r\n\r\n%b" % (len(b), b) for b in bodies]


class Client(asyncio.Protocol):
    """Joins one swarm after another, and notes how long each answer took, until it is told to stop."""

    def __init__(self, requests: list[bytes], took: list[float]) -> None:
        self._requests = itertools.cycle(requests)
        self._took = took
        self._answer = b""
        self._start = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer, and after the last ask again."""
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if end and len(body) == int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            self._took.append(time.perf_counter() - self._start)
            self._ask()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Be over."""
        self.ended.set_result(None)

    def _ask(self) -> None:
        self._answer = b""
        self._start = time.perf_counter()
        self._transport.write(next(self._requests))


def _same(client: Client) -> Client:
    return client


async def put_under_load(ports: list[int]) -> list[float]:
    """Return how long each join took; each client has an address of its own."""
    took: list[float] = []
    loop, joining = asyncio.get_running_loop(), []
    for number in range(CONNECTIONS):
        client = Client(requests_of(number), took)
        local = f"127.1.{number // 250}.{number % 250 + 1}"
        port = ports[number % len(ports)]
        transport, _ = await loop.create_connection(partial(_same, client), "127.0.0.1", port, local_addr=(local, 0))
        joining.append((client, transport))
    await asyncio.sleep(WARM_UP)
    took.clear()
    await asyncio.sleep(SECONDS)
    found = sorted(took)
    for client, transport in joining:
        transport.abort()
        await client.ended
    return found


@contextlib.contextmanager
def coordinators(where: str, count: int = 1) -> Iterator[tuple[list[int], list[int]]]:
    """Run ``count`` coordinators on one store; gives their ports and process ids."""
    with contextlib.ExitStack() as stack:
        command = (sys.executable, "-m", "benchmarks.coordination", where)
        said = [stack.enter_context(running(command, HERE.parent)) for _ in range(count)]
        yield [int(line) for line, _ in said], [pid for _, pid in said]


def measure(ports: list[int], pids: list[int], redis_pid: int | None = None) -> Load:
    """Put coordinators under load."""

    def used() -> tuple[float, float]:
        return sum(map(processor_seconds, pids)), processor_seconds(redis_pid) if redis_pid else 0.0

    before = used()
    took = asyncio.run(put_under_load(ports))
    ours, of_redis = (now - then for now, then in zip(used(), before, strict=True))
    all_of_them = len(took) / SECONDS * (SECONDS + WARM_UP)
    return Load(
        rate=len(took) / SECONDS,
        p99=1000 * took[len(took) * 99 // 100],
        of_coordinators=all_of_them / ours,
        of_redis=all_of_them / of_redis if redis_pid else 0.0,
    )


def rows(home: Path, rounds: int) -> Iterator[Row]:
    """Put one coordinator with a store in memory under load, then one and two with Redis, in turn."""
    with coordinators("memory") as (ports, pids):
        loads = [measure(ports, pids) for _ in range(rounds)]
    rates = [load.rate for load in loads]
    yield Row("joins a second, 100,000 peers in memory", "joins", rates, "enough", [ENOUGH], at_least(1))
    yield from _of("in memory", loads)
    with redis(home) as store:
        asyncio.run(_fill(store.url))
        with coordinators(store.url) as (port, pid), coordinators(store.url, 2) as (ports, pids):
            pairs = [(measure(port, pid, store.pid), measure(ports, pids, store.pid)) for _ in range(rounds)]
    for what, each in zip(("in Redis", "in Redis, two coordinators"), zip(*pairs, strict=True), strict=True):
        yield from _of(what, each)


def _of(where: str, loads: Sequence[Load]) -> Iterator[Row]:
    also = {"joins a second with clients and store on the same cores": [load.rate for load in loads]}
    if loads[0].of_redis:
        also["joins for a core's second of Redis"] = [load.of_redis for load in loads]
    what = f"100,000 peers {where}"
    ours = [load.of_coordinators for load in loads]
    yield Row(f"joins for a core's second, {what}", "joins", ours, "enough", [ENOUGH], at_least(1), also)
    p99 = [load.p99 for load in loads]
    yield Row(f"what 99 of 100 joins take at most, {what}", "ms", p99, "the limit", [LONGEST], at_most(1))


async def _fill(where: str) -> None:
    store = RedisStore(where, LIFETIME)
    await register(store)
    await store.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
