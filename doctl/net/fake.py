"""A scripted network: what tests of checks, and anybody who builds on doctl, run against instead of the real one.

Nothing is waited for. What is not scripted behaves like a network that swallows everything: names do not resolve,
connections are filtered, datagrams get no answer.
"""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, TypeVar

from doctl.endpoints import Address
from doctl.errors import DoctlError, FilteredError, LocalError, NameLookupError, UnreachableError
from doctl.net.proxies.route import ProxySettings

if TYPE_CHECKING:
    import httpx

    from doctl.net.adapters import Adapter
    from doctl.net.base import Controller
    from doctl.net.certificates import Certificate
    from doctl.net.firewall import Flow, Ruling
    from doctl.net.listeners import Listening
    from doctl.net.routes import Route
    from doctl.net.teredo_state import TeredoState

T = TypeVar("T")

HERE = Address("192.0.2.1", 50000)
"""The near end of every scripted connection."""


class FakeConnection:
    """A connection whose other end says ``answer`` and then closes, or stays silent for ever.

    What was sent to it is in ``sent``.
    """

    def __init__(self, remote: Address, answer: bytes = b"", *, closes: bool = True) -> None:
        self.local = HERE
        self.remote = remote
        self.sent = bytearray()
        self.closed = False
        self._answer = io.BytesIO(answer)
        self._closes = closes

    async def receive_into(self, buffer: memoryview) -> int:
        """Give the next bytes of the answer; at its end 0, or nothing any more."""
        count = self._answer.readinto(buffer)
        if not count and not self._closes:
            await asyncio.Event().wait()
        return count

    async def send(self, data: bytes | memoryview) -> None:
        """Note what was sent."""
        self.sent += data

    async def send_file(self, file: BinaryIO, offset: int, count: int, head: bytes = b"") -> None:
        """Note ``head`` and the stretch of ``file``."""
        file.seek(offset)
        self.sent += head + file.read(count)

    def give_way(self, controller: "Controller") -> str:
        """Have nobody to give way to."""
        return "a script"

    async def room(self, most: int) -> int:
        """Always have room."""
        return most

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


class FakeListener:
    """A listener to which ``callers`` connect one after the other, and then nobody."""

    def __init__(self, address: Address, callers: list[FakeConnection]) -> None:
        self.address = address
        self.closed = False
        self._callers = iter(callers)

    async def accept(self) -> FakeConnection:
        """Give the next caller."""
        for caller in self._callers:
            return caller
        await asyncio.Event().wait()
        raise AssertionError("nobody sets that event")

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


class FakeDatagrams:
    """A UDP socket; ``answer`` gives the datagrams that come back for one that was sent, each with its sender."""

    def __init__(self, local: Address, answer: "Answer") -> None:
        self.local = local
        self.closed = False
        self._answer = answer
        self._inbox: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()

    async def send(self, data: bytes, to: Address) -> None:
        """Put what comes back for ``data`` into the inbox."""
        for reply in self._answer(data, to):
            self._inbox.put_nowait(reply)

    async def receive(self, most: int = 65535) -> tuple[bytes, Address]:
        """Give the next datagram, cut to ``most`` bytes."""
        data, sender = await self._inbox.get()
        return data[:most], sender

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


Answer = Callable[[bytes, Address], list[tuple[bytes, Address]]]
"""From a datagram and where it went, to the datagrams that come back with their senders."""


def _nothing(data: bytes, to: Address) -> list[tuple[bytes, Address]]:
    return []


def _no_http(request: "httpx.Request") -> "httpx.Response":
    import httpx  # noqa: PLC0415 - as in the real network

    raise httpx.ConnectTimeout("not scripted", request=request)


@dataclass
class FakeNetwork:
    """A scripted ``Network``: every field is an answer, and an exception among them is raised instead.

    ``names``: addresses of a host name; an address literal needs no entry. ``hosts``: what connecting to an address
    gives; the host is a literal. ``taken``: what listening on an address raises; ``callers``: who then connects to each
    listener. ``udp``: answers datagrams. ``web``: answers HTTP requests.
    ``cnames``: aliases of a host name, none without an entry. ``interfaces``: the machine's network adapters.
    ``routes``: the way to an address, none without an entry.
    ``certificates``: what TLS servers show. ``proxies``: what is set. ``keys``: the values of each registry key.
    ``charge``: the percent of the battery that the machine runs on. ``clock``: the time of this place.
    ``ram``, ``disk``: bytes that there are. ``paid_for``: whether the network is metered.
    ``nearby``: peers on the local network.
    ``teredo``: what the system's own Teredo client says. ``asked`` notes each call as ``verb what``.
    """

    platform: str = "linux"
    names: dict[str, list[str] | DoctlError] = field(default_factory=dict)
    hosts: dict[Address, FakeConnection | DoctlError] = field(default_factory=dict)
    taken: dict[Address, DoctlError] = field(default_factory=dict)
    callers: list[FakeConnection] = field(default_factory=list)
    udp: Answer = _nothing
    web: "Callable[[httpx.Request], httpx.Response]" = _no_http
    certificates: "dict[Address, Certificate | DoctlError]" = field(default_factory=dict)
    proxies: ProxySettings = field(default_factory=ProxySettings)
    cnames: dict[str, tuple[str, ...] | DoctlError] = field(default_factory=dict)
    interfaces: "tuple[Adapter, ...] | LocalError" = ()
    routes: "dict[str, Route | DoctlError]" = field(default_factory=dict)
    listening: "list[Listening] | LocalError" = field(default_factory=list)
    rulings: "tuple[Ruling, ...]" = ()
    keys: dict[str, dict[str, object] | LocalError] = field(default_factory=dict)
    teredo: "TeredoState | LocalError | None" = None
    charge: float | None = None
    clock: datetime = datetime(2026, 1, 15, 12, 0)
    ram: int | None = None
    disk: int | None = None
    paid_for: bool | None = None
    nearby: tuple[Address, ...] = ()
    asked: list[str] = field(default_factory=list)
    time: float = 0.0

    def now(self) -> float:
        """Return ``time``, which stands still unless the test moves it."""
        return self.time

    async def resolve(self, host: str, timeout: float) -> list[str]:
        """Give the scripted addresses of ``host``."""
        self.asked.append(f"resolve {host}")
        if ":" in host or host.replace(".", "").isdigit():
            return [host]
        return _given(self.names.get(host, NameLookupError(f"{host}: the name has no address")))

    async def aliases(self, host: str, timeout: float) -> tuple[str, ...]:
        """Give the scripted aliases of ``host``."""
        self.asked.append(f"aliases {host}")
        return _given(self.cnames.get(host, ()))

    async def connect(self, address: Address, timeout: float) -> FakeConnection:
        """Give the scripted connection of the first address of ``address`` that has one."""
        last: DoctlError = FilteredError(f"{address}: no answer in time")
        for host in await self.resolve(address.host, timeout):
            one = Address(host, address.port)
            self.asked.append(f"connect {one}")
            answer = self.hosts.get(one, FilteredError(f"{one}: no answer in time"))
            if isinstance(answer, FakeConnection):
                return answer
            last = answer
        raise last

    async def listen(self, address: Address) -> FakeListener:
        """Listen on ``address``, unless that is taken; port 0 becomes 49152."""
        self.asked.append(f"listen {address}")
        if address in self.taken:
            raise self.taken[address]
        return FakeListener(Address(address.host, address.port or 49152), self.callers)

    async def datagrams(self, address: Address) -> FakeDatagrams:
        """Open a scripted UDP socket."""
        self.asked.append(f"datagrams {address}")
        return FakeDatagrams(Address(address.host, address.port or 49152), self.udp)

    def http(
        self,
        *,
        proxy: str | None = None,
        direct: bool = False,
        timeout: float,
        connections: int = 16,
        bulk: bool = False,
    ) -> "httpx.AsyncClient":
        """Make an HTTP client whose every request ``web`` answers."""
        import httpx  # noqa: PLC0415 - as in the real network

        return httpx.AsyncClient(transport=httpx.MockTransport(self.web), timeout=timeout)

    async def certificate(
        self, address: Address, server_name: str, timeout: float, proxy: str | None = None
    ) -> "Certificate":
        """Give the scripted certificate of ``address``."""
        self.asked.append(f"certificate {address} {server_name} {proxy}")
        return _given(self.certificates.get(address, FilteredError(f"{address}: no answer in time")))

    async def proxy_settings(self, timeout: float) -> ProxySettings:
        """Give the scripted settings."""
        return self.proxies

    async def adapters(self, timeout: float) -> "tuple[Adapter, ...]":
        """Give the scripted adapters."""
        self.asked.append("adapters")
        return _given(self.interfaces)

    async def route(self, address: str, timeout: float) -> "Route":
        """Give the scripted way to ``address``."""
        self.asked.append(f"route {address}")
        return _given(self.routes.get(address, UnreachableError(f"{address}: there is no route")))

    async def listeners(self, port: int, timeout: float) -> "list[Listening]":
        """Give the scripted listeners, whatever the port."""
        self.asked.append(f"listeners {port}")
        return _given(self.listening)

    async def firewall(self, flow: "Flow", timeout: float) -> "tuple[Ruling, ...]":
        """Give the scripted rulings, whatever the flow."""
        self.asked.append(f"firewall {flow}")
        return self.rulings

    @contextlib.asynccontextmanager
    async def neighbours(self, port: int, own: Sequence[str], found: Callable[[Address], None]) -> AsyncIterator[None]:
        """Hear of the scripted neighbours."""
        self.asked.append(f"neighbours {port}")
        for address in self.nearby:
            found(address)
        yield

    async def battery(self) -> float | None:
        """Give the scripted percent."""
        self.asked.append("battery")
        return self.charge

    def local_time(self) -> datetime:
        """Give the scripted time."""
        return self.clock

    async def memory(self) -> int | None:
        """Give the scripted bytes."""
        return self.ram

    async def disk_size(self, folder: Path) -> int | None:
        """Give the scripted bytes, whatever the folder."""
        return self.disk

    async def metered(self, timeout: float) -> bool | None:
        """Give the scripted answer."""
        self.asked.append("metered")
        return self.paid_for

    async def registry(self, key: str, names: Sequence[str]) -> Mapping[str, object]:
        """Give the scripted values of ``key``, none without an entry."""
        self.asked.append(f"registry {key}")
        values = _given(self.keys.get(key, {}))
        return {name: values[name] for name in names if name in values}

    async def teredo_state(self, timeout: float) -> "TeredoState | None":
        """Give the scripted state."""
        self.asked.append("teredo_state")
        return _given(self.teredo)


def _given(answer: T | DoctlError) -> T:
    if isinstance(answer, DoctlError):
        raise answer
    return answer
