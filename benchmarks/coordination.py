"""Joins a second that one coordinator answers while 100,000 peers are registered, in memory and in Redis.

python3 -m benchmarks.coordination [--peers N] [--seconds S] [--connections N] [--coordinators N] [--redis URL]

Each coordinator is one process with one thread, so one core at most; the clients run in a process of their own. A join
is a whole one: HTTP request, JSON, checks, store, choice among about 100 members of its swarm, answer with 50 peers.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

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

SWARM = 100
"""Members of one swarm."""
LIFETIME = 1800.0
WRITERS = 32
REQUESTS = 300
WARM_UP = 1.0


@dataclass(frozen=True)
class Load:
    """What came of one run: joins a second, and seconds that a join took for half of them and for 99 in 100."""

    rate: float
    median: float
    p99: float
    processor: float

    def __str__(self) -> str:
        each = f"median {self.median * 1000:.1f} ms, p99 {self.p99 * 1000:.1f} ms"
        busy = f"{self.processor:.2f} cores, {self.rate / max(self.processor, 0.01):.0f} joins per core second"
        return f"{self.rate:.0f} joins a second, {each}, {busy}"


def join_of(number: int, swarms: int, mode: DownloadMode = DownloadMode.LAN) -> JoinRequest:
    """Return the join of peer ``number``."""
    return JoinRequest(
        peer_id=number.to_bytes(20, "big"), mode=mode, content_id=f"content-{number % swarms}", left=1 << 30
    )


async def register(store: Store, peers: int) -> None:
    """Put ``peers`` members into swarms of about a hundred."""
    swarms = max(1, peers // SWARM)

    async def write(first: int) -> None:
        for number in range(first, peers, WRITERS):
            request = join_of(number, swarms)
            seen = IPv4Address((10 << 24) + number)
            await store.join(swarm_name(request.content_id, ""), member_of(request, seen), 0)

    async with asyncio.TaskGroup() as tasks:
        for first in range(WRITERS):
            tasks.create_task(write(first))


async def serve(where: str, peers: int) -> None:
    """Be a coordinator; a store in memory is filled first."""
    network = SystemNetwork()
    store: Store = RedisStore(where, LIFETIME) if where != "memory" else MemoryStore(network.now, LIFETIME)
    if where == "memory":
        await register(store, peers)
    app = Coordinator(network, store, say=print, limit=JoinLimit(network.now, 1 << 40)).app()
    await serve_http(app, Address("127.0.0.1", 0), None, lambda address: print(address.port, flush=True))


def requests_of(number: int, peers: int) -> list[bytes]:
    """Return a client's requests, made beforehand so that making them takes nothing from the coordinator's machine."""
    chance, swarms = random.Random(number), max(1, peers // SWARM)
    bodies = [join_of(peers + chance.randrange(peers), swarms).encode() for _ in range(REQUESTS)]
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


async def put_under_load(ports: list[int], options: argparse.Namespace) -> list[float]:
    """Return how long each join took; each client has an address of its own."""
    took: list[float] = []
    loop, joining = asyncio.get_running_loop(), []
    for number in range(options.connections):
        client = Client(requests_of(number, options.peers), took)
        local = f"127.1.{number // 250}.{number % 250 + 1}"
        port = ports[number % len(ports)]
        transport, _ = await loop.create_connection(partial(_same, client), "127.0.0.1", port, local_addr=(local, 0))
        joining.append((client, transport))
    await asyncio.sleep(WARM_UP)
    took.clear()
    await asyncio.sleep(options.seconds)
    found = sorted(took)
    for client, transport in joining:
        transport.abort()
        await client.ended
    return found


@contextlib.contextmanager
def coordinators(where: str, options: argparse.Namespace) -> Iterator[tuple[list[int], list[int]]]:
    """Run the coordinators; gives their ports and process ids."""
    command = [sys.executable, "-m", "benchmarks.coordination", "--serve", where, "--peers", str(options.peers)]
    with contextlib.ExitStack() as stack:
        running = []
        for _ in range(options.coordinators if where != "memory" else 1):
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8"))
            stack.callback(process.kill)
            running.append(process)
        yield [int(p.stdout.readline()) for p in running if p.stdout], [process.pid for process in running]


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Run a Redis that keeps nothing, on a socket in a folder of its own."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("no redis-server on this machine: name one with --redis URL")
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "socket"
        command: list[str | Path] = [program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", home]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                while not path.exists():
                    time.sleep(0.02)
                yield f"unix://{path}"
            finally:
                process.send_signal(signal.SIGTERM)


def processor_seconds(pid: int) -> float:
    """Return what a process has used, on Linux."""
    stat = Path(f"/proc/{pid}/stat")
    fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else ["0"] * 20
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(where: str, options: argparse.Namespace) -> Load:
    """Run coordinators on a store that has its members and put them under load."""
    if where != "memory":
        asyncio.run(_fill(where, options.peers))
    with coordinators(where, options) as (ports, pids):
        before = sum(map(processor_seconds, pids))
        took = asyncio.run(put_under_load(ports, options))
        used = sum(map(processor_seconds, pids)) - before
    rate = len(took) / options.seconds
    return Load(rate, took[len(took) // 2], took[len(took) * 99 // 100], used / (options.seconds + WARM_UP))


async def _fill(where: str, peers: int) -> None:
    store = RedisStore(where, LIFETIME)
    await register(store, peers)
    await store.close()


def options_of(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python3 -m benchmarks.coordination")
    parser.add_argument("--peers", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--coordinators", type=int, default=1, help="processes on one Redis")
    parser.add_argument("--redis", help="a Redis to use and fill; without it one is started")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def results(options: argparse.Namespace) -> Iterator[tuple[str, Load]]:
    """Yield each store's name and figures."""
    yield "joins, memory", measure("memory", options)
    with contextlib.ExitStack() as stack:
        url = options.redis or stack.enter_context(redis())
        yield f"joins, Redis, {options.coordinators} coordinator(s)", measure(url, options)


def main() -> None:
    """Measure both stores, or be a coordinator that is measured."""
    options = options_of(sys.argv[1:])
    if options.serve:
        asyncio.run(serve(options.serve, options.peers))
        return
    for name, load in results(options):
        print(f"{name}\n  {load}")


if __name__ == "__main__":
    main()
