"""Whether a TCP port can be reached, told apart by how it fails and by address family."""

import asyncio
import contextlib
import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from doctl.endpoints import Address
from doctl.errors import DoctlError, FilteredError, NetworkError, RefusedError

if TYPE_CHECKING:
    from doctl.net.base import Connection, Network

PATIENCE: Final = 2.0
"""Seconds that a server has to say something once it is connected; banners come at once."""
MOST_WORDS: Final = 256
"""Bytes of what a server says that are kept."""


class Outcome(enum.StrEnum):
    """How an attempt to connect ended."""

    OPEN = "open"
    REFUSED = "refused"
    FILTERED = "filtered"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address of a target and what came of connecting to it.

    ``said`` is what the server said first, b"" if nothing, None if it was not listened to; ``closed`` is whether it
    then closed the connection. ``detail`` is the system's own word for a failure.
    """

    address: str
    outcome: Outcome
    duration_s: float
    detail: str = ""
    said: bytes | None = None
    closed: bool = False

    @property
    def family(self) -> str:
        """``ipv4`` or ``ipv6``."""
        return family_of(self.address)


def family_of(address: str) -> str:
    """Return ``ipv4`` or ``ipv6`` for an address literal."""
    return "ipv6" if ":" in address else "ipv4"


def one_of_each_family(addresses: list[str]) -> list[str]:
    """Return the first IPv4 and the first IPv6 address, in the order in which they came."""
    first: dict[str, str] = {}
    for address in addresses:
        first.setdefault(family_of(address), address)
    return list(first.values())


@dataclass(frozen=True, slots=True)
class Reach:
    """A target and an attempt for each of its address families; with no attempts the name has no address."""

    target: Address
    attempts: tuple[Attempt, ...]
    problem: str = ""


async def reach(network: "Network", target: Address, timeout: float, greeting: bytes | None = None) -> Reach:
    """Resolve ``target`` and connect to both families at once, all within ``timeout`` seconds.

    With ``greeting`` that is sent on each connection, and what the server says is listened to.
    """
    start = network.now()
    try:
        addresses = one_of_each_family(await network.resolve(target.host, timeout))
    except NetworkError as error:
        return Reach(target, (), str(error))
    left = timeout - (network.now() - start)
    attempts = (attempt(network, Address(one, target.port), left, greeting) for one in addresses)
    return Reach(target, tuple(await asyncio.gather(*attempts)))


async def attempt(network: "Network", address: Address, timeout: float, greeting: bytes | None = None) -> Attempt:
    """Connect to one ``address``, a literal, and with ``greeting`` listen to what is said there."""
    start = network.now()
    try:
        connection = await network.connect(address, max(timeout, 0.001))
    except NetworkError as error:
        return Attempt(address.host, outcome_of(error), network.now() - start, str(error))
    took = network.now() - start
    try:
        if greeting is None:
            return Attempt(address.host, Outcome.OPEN, took)
        said, closed = await _first_words(connection, greeting, min(PATIENCE, max(timeout - took, 0.1)))
        return Attempt(address.host, Outcome.OPEN, took, said=said, closed=closed)
    finally:
        connection.close()


def outcome_of(error: DoctlError) -> Outcome:
    """Return the outcome that an error of ``Network.connect`` stands for."""
    if isinstance(error, RefusedError):
        return Outcome.REFUSED
    if isinstance(error, FilteredError):
        return Outcome.FILTERED
    return Outcome.UNREACHABLE


async def _first_words(connection: "Connection", greeting: bytes, timeout: float) -> tuple[bytes, bool]:
    """Send ``greeting`` and return what comes first, and whether the connection then ended or broke."""
    buffer = memoryview(bytearray(MOST_WORDS))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout):
            try:
                await connection.send(greeting)
                count = await connection.receive_into(buffer)
            except NetworkError:
                return b"", True
            return bytes(buffer[:count]), count == 0
    return b"", False


async def read_exactly(connection: "Connection", count: int) -> bytes | None:
    """Return the next ``count`` bytes, or None where the connection ends before them."""
    buffer = memoryview(bytearray(count))
    filled = 0
    while filled < count:
        more = await connection.receive_into(buffer[filled:])
        if more == 0:
            return None
        filled += more
    return bytes(buffer)
