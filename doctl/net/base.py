"""What the rest of doctl may ask of the outside world, as small interfaces.

``system.SystemNetwork`` is the real one and ``fake.FakeNetwork`` a scripted one; everybody above takes a ``Network`` as
a parameter. Every call that can fail raises a ``NetworkError`` of the kind that happened; no ``OSError`` comes out.
"""

from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

from doctl.endpoints import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    import httpx

    from doctl.net.adapters import Adapter
    from doctl.net.certificates import Certificate
    from doctl.net.firewall import Flow, Ruling
    from doctl.net.listeners import Listening
    from doctl.net.proxies.route import ProxySettings
    from doctl.net.routes import Route
    from doctl.net.teredo_state import TeredoState


class Controller(Protocol):
    """Decides how much of a connection may be in flight; told of what happens, it knows no sockets and no clock."""

    @property
    def window(self) -> int:
        """Bytes that may be in flight."""
        ...

    def rest(self, count: int) -> float:
        """Return the seconds to send nothing after ``count`` bytes."""
        ...

    def look(self, now: float, *, rtt: float, least: float, mss: int, acked: int, lost: bool, full: bool) -> None:
        """Take in what was seen since the last look: seconds, bytes, and whether the window was used."""
        ...


class Connection(Protocol):
    """One open TCP connection. Only one task may receive, and only one may send, at a time."""

    @property
    def local(self) -> Address:
        """Our end."""
        ...

    @property
    def remote(self) -> Address:
        """The other end."""
        ...

    async def receive_into(self, buffer: memoryview) -> int:
        """Read at least one byte into ``buffer`` and return how many; 0 when the other side has finished."""
        ...

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of ``data`` at once, without waiting for more to fill a packet."""
        ...

    async def send_file(self, file: BinaryIO, offset: int, count: int, head: bytes = b"") -> None:
        """Send ``head``, then ``count`` bytes of ``file`` from ``offset``, in the kernel where the system can."""
        ...

    def give_way(self, controller: Controller) -> str:
        """From now on let ``room`` wait until nobody else would notice; return the means in words.

        ``controller`` decides where the system has no means of its own.
        """
        ...

    async def room(self, most: int) -> int:
        """Wait until more may be sent, and return how many of ``most`` bytes; all at once unless it gives way."""
        ...

    def close(self) -> None:
        """Close at once. Closing twice is harmless."""
        ...


class Listener(Protocol):
    """A listening TCP socket; an asynchronous context manager."""

    @property
    def address(self) -> Address:
        """Where it listens, with the port the system gave when 0 was asked for."""
        ...

    async def accept(self) -> Connection:
        """Wait for the next connection."""
        ...

    def close(self) -> None:
        """Stop listening. Closing twice is harmless."""
        ...


class Datagrams(Protocol):
    """A UDP socket."""

    @property
    def local(self) -> Address:
        """Our end."""
        ...

    async def send(self, data: bytes, to: Address) -> None:
        """Send one datagram."""
        ...

    async def receive(self, most: int = 65535) -> tuple[bytes, Address]:
        """Wait for the next datagram and say who sent it; a NetworkError is about one that was sent from here."""
        ...

    def close(self) -> None:
        """Close at once. Closing twice is harmless."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None: ...


class Network(Protocol):
    """The one door to the outside. Every timeout is in seconds."""

    @property
    def platform(self) -> str:
        """Which system this is, as ``sys.platform`` has it: ``linux``, ``win32``, ``darwin``, ..."""
        ...

    def now(self) -> float:
        """Monotonic seconds from an arbitrary start."""
        ...

    async def resolve(self, host: str, timeout: float) -> list[str]:
        """Return the addresses of ``host``, IPv6 and IPv4, in the system's order of preference."""
        ...

    async def aliases(self, host: str, timeout: float) -> tuple[str, ...]:
        """Return the names that ``host`` is an alias of (CNAME), in order; NameLookupError where DNS does not tell."""
        ...

    async def connect(self, address: Address, timeout: float) -> Connection:
        """Open a TCP connection to the first address of ``address`` that answers."""
        ...

    async def listen(self, address: Address) -> Listener:
        """Listen on ``address``; port 0 means any free port. LocalError when the address cannot be had."""
        ...

    async def datagrams(self, address: Address) -> Datagrams:
        """Open a UDP socket bound to ``address``; port 0 means any free port."""
        ...

    def http(
        self,
        *,
        proxy: str | None = None,
        direct: bool = False,
        timeout: float,
        connections: int = 16,
        bulk: bool = False,
    ) -> "httpx.AsyncClient":
        """Make the HTTP client: the system's trust store, no redirects followed, no content decoding asked for.

        ``proxy`` is a URL to use for everything; ``direct`` ignores the environment's proxies; with neither, the
        environment decides. ``timeout`` is for each wait: connecting, one read, one write, a free connection.
        ``bulk`` is for large downloads: answers may then have the extension ``into`` (``net.bulk_http``).
        """
        ...

    async def certificate(
        self, address: Address, server_name: str, timeout: float, proxy: str | None = None
    ) -> "Certificate":
        """Return the certificate that ``address`` shows for ``server_name``, trusted or not; nothing else is sent.

        ``proxy`` is the URL of an HTTP proxy to ask for a tunnel. TlsError where no TLS is spoken, OriginError where
        the proxy opens no tunnel.
        """
        ...

    async def proxy_settings(self, timeout: float) -> "ProxySettings":
        """Return what the environment and the system say about proxies; what cannot be read is told in it."""
        ...

    async def adapters(self, timeout: float) -> "tuple[Adapter, ...]":
        """Return this machine's network adapters; LocalError where the system does not tell."""
        ...

    async def route(self, address: str, timeout: float) -> "Route":
        """Return which way packets to ``address``, a literal, leave this machine; nothing is sent there.

        UnreachableError where there is no way, LocalError where the system does not tell.
        """
        ...

    async def listeners(self, port: int, timeout: float) -> "list[Listening]":
        """Return who listens on TCP ``port`` of this machine; LocalError where the system does not tell."""
        ...

    async def firewall(self, flow: "Flow", timeout: float) -> "tuple[Ruling, ...]":
        """Return what each firewall tool of this machine says about ``flow``; one that cannot be read says unknown."""
        ...

    def neighbours(
        self, port: int, own: "Sequence[str]", found: "Callable[[Address], None]"
    ) -> "AbstractAsyncContextManager[None]":
        """Announce a peer at ``own`` addresses and ``port`` to the local network, and call ``found`` with others.

        Entering raises MissingExtraError, LocalError.
        """
        ...

    def local_time(self) -> "datetime":
        """Return the time of day, and the date, of this place."""
        ...

    async def battery(self) -> float | None:
        """Return the battery's percent while the machine runs on it; None on mains, or where the system is silent."""
        ...

    async def memory(self) -> int | None:
        """Return how many bytes of memory the machine has, None where the system does not tell."""
        ...

    async def disk_size(self, folder: "Path") -> int | None:
        """Return how many bytes the disk of ``folder`` holds, None where the system does not tell."""
        ...

    async def metered(self, timeout: float) -> bool | None:
        """Return whether what goes through the network is paid for by the byte, None where the system does not tell."""
        ...

    async def registry(self, key: str, names: "Sequence[str]") -> "Mapping[str, object]":
        """Return those values of a key under HKEY_LOCAL_MACHINE that are there: int, str or bytes.

        LocalError where it cannot be read, as on systems that have no registry.
        """
        ...

    async def teredo_state(self, timeout: float) -> "TeredoState | None":
        """Return what the system's own Teredo client says of itself, None where the system has none.

        LocalError where it does not tell.
        """
        ...
