"""A simulated network of machines that run doctl's own jobs on one virtual clock: connections, an origin, a cache."""

import asyncio
import contextlib
import ipaddress
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx

from doctl.endpoints import Address
from doctl.errors import NetworkError, RefusedError
from doctl.jobs.fetch import fetch
from doctl.jobs.fetch_result import FetchOrder, FetchResult
from doctl.jobs.serve import ServeOrder, Shared, serve
from doctl.net.adapters import Adapter, Kind
from doctl.net.base import Controller
from doctl.net.fake import FakeNetwork
from doctl.settings import Origin, Settings, Value, layered
from doctl.transfer.ledger import Ledger
from doctl.wire.hash_file import HashFile, to_json
from tests.transfer import virtual
from tests.transfer.contents import made

PIECE: Final = 16_384
MADE: Final = made(64, PIECE, short=0)
LENGTH: Final = len(MADE.data)
VPN: Final = Adapter("wg0", kind=Kind.WIREGUARD)
URL: Final = "http://origin.test/file.cab"
CHUNK: Final = 1024
"""Bytes that a site sends at a time."""


class End:
    """One end of a connection; what it sends is there at once."""

    def __init__(self, local: Address, remote: Address) -> None:
        self.local = local
        self.remote = remote
        self.other = self
        self.closed = False
        self._inbox = bytearray()
        self._news = asyncio.Event()

    async def receive_into(self, buffer: memoryview) -> int:
        """Take what has come; 0 once the other end is closed."""
        while not self._inbox and not self.other.closed:
            if self.closed:
                raise NetworkError(f"{self.remote}: closed here")
            self._news.clear()
            await self._news.wait()
        count = min(len(buffer), len(self._inbox))
        buffer[:count] = self._inbox[:count]
        del self._inbox[:count]
        return count

    async def send(self, data: bytes | memoryview) -> None:
        """Put it into the other end's inbox."""
        if self.other.closed:
            raise NetworkError(f"{self.remote}: gone")
        self.other._inbox += data
        self.other._news.set()

    async def send_file(self, file: BinaryIO, offset: int, count: int, head: bytes = b"") -> None:
        """Send ``head`` and a stretch of ``file``."""
        file.seek(offset)
        await self.send(head + file.read(count))

    def give_way(self, controller: Controller) -> str:
        """Have nobody to give way to."""
        return "a simulation"

    async def room(self, most: int) -> int:
        """Always have room."""
        return most

    def close(self) -> None:
        """Tell both ends."""
        self.closed = True
        self._news.set()
        self.other._news.set()


class Door:
    """A listener that machines of the cable connect to."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.callers: asyncio.Queue[End] = asyncio.Queue()
        self.open = True

    async def accept(self) -> End:
        """Wait for a caller."""
        return await self.callers.get()

    def close(self) -> None:
        """Let nobody in."""
        self.open = False


@dataclass
class Cable:
    """What machines are connected by: who listens where."""

    doors: dict[Address, Door] = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)
    ports: "itertools.count[int]" = field(default_factory=lambda: itertools.count(50_000))

    def connected(self) -> int:
        """Return how many connections are open at both ends."""
        return sum(not end.closed and not end.other.closed for end in self.ends)


@dataclass
class Machine(FakeNetwork):
    """A machine on the cable; ``interfaces`` and all else can be changed while it works."""

    cable: Cable = field(default_factory=Cable)
    address: str = "10.0.0.1"

    def now(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    async def listen(self, address: Address) -> Door:  # type: ignore[override]  # not a recorded listener
        """Listen for others on the cable."""
        door = Door(Address(self.address, address.port or next(self.cable.ports)))
        self.cable.doors[door.address] = door
        return door

    async def connect(self, address: Address, timeout: float) -> End:  # type: ignore[override]  # as above
        """Connect to a machine that listens."""
        self.asked.append(f"connect {address}")
        door = self.cable.doors.get(address)
        if door is None or not door.open:
            raise RefusedError(f"{address}: nobody listens")
        near = Address(self.address, next(self.cable.ports))
        here, there = End(near, address), End(address, near)
        here.other, there.other = there, here
        self.cable.ends.append(here)
        door.callers.put_nowait(there)
        return here


def ethernet(address: str) -> Adapter:
    """Return an adapter with one address."""
    return Adapter("eth0", kind=Kind.ETHERNET, if_type=6, addresses=(ipaddress.ip_interface(f"{address}/24"),))


@dataclass
class Site:
    """A web site with one file, in ranges; ``rate`` is bytes a second for each connection.

    A ``status`` other than 206 is all that it answers; ``tries`` counts requests, ``asked`` notes when, on the loop's
    clock, it was asked for more than the first byte.
    """

    data: bytes
    rate: float = float("inf")
    status: int = 206
    asked: list[float] = field(default_factory=list)
    tries: int = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a range request."""
        self.tries += 1
        first, last = (int(part) for part in request.headers["Range"].removeprefix("bytes=").split("-"))
        part = self.data[first : last + 1]
        if last:
            self.asked.append(asyncio.get_running_loop().time())
        if self.status != httpx.codes.PARTIAL_CONTENT:
            return httpx.Response(self.status)
        headers = {
            "Content-Range": f"bytes {first}-{last}/{len(self.data)}",
            "Content-Length": str(len(part)),
            "ETag": '"1"',
        }
        return httpx.Response(206, headers=headers, stream=_Slowly(part, self.rate))


class _Slowly(httpx.AsyncByteStream):
    def __init__(self, data: bytes, rate: float) -> None:
        self._data = data
        self._rate = rate

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), CHUNK):
            chunk = self._data[start : start + CHUNK]
            await asyncio.sleep(len(chunk) / self._rate)
            yield chunk


def sites(by_host: dict[str, Site]) -> Callable[[httpx.Request], httpx.Response]:
    """Return what answers for each host."""
    return lambda request: by_host[request.url.host].answer(request)


def settings_of(**values: int | str) -> Settings:
    """Return the defaults with some settings from a file over them."""
    return layered({name: Value(value, Origin.FILE, "site.toml") for name, value in values.items()})


@dataclass
class World:
    """Two machines, one with the file and one that wants it, an origin and a cache."""

    folder: Path
    cable: Cable = field(default_factory=Cable)
    origin: Site = field(default_factory=lambda: Site(MADE.data))
    cache: Site = field(default_factory=lambda: Site(MADE.data))
    said: list[str] = field(default_factory=list)
    result: FetchResult = field(default_factory=FetchResult)
    given: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self.giver = Machine(cable=self.cable, address="10.0.0.1", interfaces=(ethernet("10.0.0.1"),))
        self.taker = Machine(cable=self.cable, address="10.0.0.2", interfaces=(ethernet("10.0.0.2"),))
        self.taker.web = sites({"origin.test": self.origin, "mcc.test": self.cache})
        self.shared = self.folder / "shared.cab"
        self.shared.write_bytes(MADE.data)
        self.phf = self.folder / "shared.phf"
        self.phf.write_bytes(to_json(HashFile.of(LENGTH, PIECE, MADE.content.hashes or ())))

    @contextlib.asynccontextmanager
    async def seed(self, max_up: int, settings: Settings | None = None, **more: Any) -> AsyncIterator[Address]:
        """Let the one machine share the file; give its address."""
        ready: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(self.serving(settings or layered(), max_up, ready, **more))
        try:
            yield await ready
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    async def serving(
        self,
        settings: Settings,
        max_up: int | None = None,
        ready: "asyncio.Future[Address] | None" = None,
        **more: Any,
    ) -> None:
        """Let the one machine share the file; ``ready`` hears where."""

        def listening(address: Address, _shared: list[Shared]) -> None:
            if ready is not None:
                ready.set_result(address)

        order = ServeOrder((self.shared,), (self.phf,), max_up=max_up, settings=settings, **more)
        await serve(self.giver, order, self.given, listening, self.said.append)

    async def fetch(self, settings: Settings, **more: Any) -> float:
        """Let the other machine fetch it; return the seconds that took."""
        loop = asyncio.get_running_loop()
        self.start = loop.time()
        hosts = settings.words("DOCacheHost")
        order = FetchOrder(
            URL, output=self.folder / "got.cab", phf=str(self.phf), hash_of_hashes=MADE.content.hash_of_hashes,
            settings=settings, cache_host=hosts[0] if hosts else None, **more,
        )  # fmt: skip
        await fetch(self.taker, order, self.result, watch=lambda _progress: None, say=self.said.append)
        return loop.time() - self.start

    @contextlib.asynccontextmanager
    async def changing(self, changes: dict[float, dict[str, object]]) -> AsyncIterator[None]:
        """Change the machine that fetches, so many seconds from now, while the block runs."""

        def change(values: dict[str, object]) -> None:
            for name, value in values.items():
                setattr(self.taker, name, value)

        loop = asyncio.get_running_loop()
        calls = [loop.call_later(seconds, change, values) for seconds, values in changes.items()]
        yield
        for call in calls:
            call.cancel()

    def asked(self, site: Site) -> float | None:
        """Return the seconds after its beginning at which the fetch first asked a site for more than a byte."""
        return site.asked[0] - self.start if site.asked else None

    def came(self) -> int:
        """Return the bytes that the fetch has so far."""
        return sum(self.result.ledger.bytes_from.values())

    def limited(self) -> list[str]:
        """Return the settings behind the rules in the result."""
        return [applied.rule.setting for applied in self.result.rules]

    def rules(self) -> list[str]:
        """Return the rules in the result."""
        return [applied.rule.name for applied in self.result.rules]


Live = Callable[[World], Awaitable[object]]


def live(folder: Path, work: Live) -> World:
    """Let ``work`` happen in a world of its own, which is given back."""
    worlds: list[World] = []

    async def lived() -> None:
        worlds.append(World(folder))
        await work(worlds[0])

    virtual.run(lived())
    return worlds[0]
