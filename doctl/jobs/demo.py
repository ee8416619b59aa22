"""``doctl demo``: everything on loopback in one go, so that a newcomer sees in seconds what doctl does."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from doctl.endpoints import PEER_PORT, Address
from doctl.errors import LocalError, MissingExtraError
from doctl.jobs.coordinator import CoordinatorOrder, coordinate
from doctl.jobs.demo_checks import Stage, checked
from doctl.jobs.demo_origin import DemoOrigin
from doctl.jobs.fetch import fetch
from doctl.jobs.fetch_result import FetchOrder, FetchResult
from doctl.jobs.finding import Place, joining
from doctl.jobs.rendezvous import Rendezvous
from doctl.net.base import Listener, Network
from doctl.report import Host, Progress, Report
from doctl.settings import Origin, Value, layered
from doctl.transfer import hashing
from doctl.transfer.content import PIECE_SIZE, Content
from doctl.transfer.hashing import describe, in_thread
from doctl.transfer.ledger import Ledger
from doctl.transfer.limits import RateLimit
from doctl.transfer.node import Node
from doctl.transfer.share import Share
from doctl.transfer.store import explained
from doctl.transfer.upload import SLOTS, Slots
from doctl.wire.hash_file import HashFile, content_id, to_json
from doctl.wire.joining import JoinEvent

LENGTH: Final = (64 << 20) + 12_345
"""Bytes of the demonstration's file: some seconds at the rates below, and a last piece that is short."""
ORIGIN_RATE: Final = 8_000_000
PEER_RATE: Final = 16_000_000
PEERS: Final = (("an honest peer", False), ("an honest peer", False), ("a lying peer", True))
"""Who takes part besides the origin, and whether what it sends is wrong."""
TIMEOUT: Final = 5.0
LOOPBACK: Final = "127.0.0.1"
SETTINGS: Final = layered({"DOAllowVPNPeerCaching": Value(1, Origin.OPTION, "doctl demo")})
"""What a VPN forbids is nothing to loopback."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Shown:
    """What there is to see: the fetch, and the peers' roles by address."""

    result: FetchResult = field(default_factory=FetchResult)
    roles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Files:
    """The file, a damaged copy of it, its hash file on disk and what that says."""

    right: Path
    wrong: Path
    hash_file: Path
    described: HashFile

    @property
    def content(self) -> Content:
        described = self.described
        return Content(described.content_length, described.piece_size, described.pieces, described.hash_of_hashes)


async def demo(
    network: Network, folder: Path, shown: Shown, host: Host, *, watch: Callable[[Progress], None], say: Say
) -> Report:
    """Check and fetch from an origin and three peers, who find each other through a coordinator.

    Fills ``shown`` and returns what the checks found. Nothing is written outside ``folder`` and nothing sent outside
    this machine.
    """
    say(f"making a file of {LENGTH:,} random bytes, and a damaged copy of it")
    files = await in_thread(lambda progress: _make_files(folder, progress))
    async with contextlib.AsyncExitStack() as stack:
        url = await stack.enter_async_context(_origin(network, files.right, say))
        service = await stack.enter_async_context(_coordinator(network, files, url, say))
        for role, lies in PEERS:
            peer = _peer(network, files.content, files.wrong if lies else files.right, service)
            address = await stack.enter_async_context(peer)
            shown.roles[str(address)] = role
            say(f"{role} listens on {address}{' and joins the swarm' if service else ''}")
        addresses = tuple(Address.parse(address) for address in shown.roles)
        say("checking the peers' ports, the way in from outside, and the origin's byte ranges")
        report = await checked(network, Stage(url, addresses, service), host)
        found = "the service names the peers, and " if service else ""
        say(f"fetching from all of them at once; {found}no piece counts unchecked")
        await fetch(network, _order(files, url, service, addresses), shown.result, watch=watch, say=say)
    return report


def _order(files: _Files, url: str, service: str, peers: tuple[Address, ...]) -> FetchOrder:
    """Return a fetch that knows the URL and the coordinator alone; without one it is told what to trust and whom."""
    output = files.right.with_name("fetched.cab")
    order = FetchOrder(url, output, listen=Address(LOOPBACK, 0), direct=True, settings=SETTINGS)
    if service:
        return replace(order, rendezvous=Rendezvous(service))
    return replace(order, phf=str(files.hash_file), hash_of_hashes=files.described.hash_of_hashes, peers=peers)


def _make_files(folder: Path, progress: hashing.Progress) -> _Files:
    right, wrong, hash_file = (folder / name for name in ("update.cab", "damaged.cab", "update.cab.phf"))
    with explained(right, kept=""):
        with right.open("wb") as good, wrong.open("wb") as bad:
            for start in range(0, LENGTH, PIECE_SIZE):
                piece = bytearray(secrets.token_bytes(min(PIECE_SIZE, LENGTH - start)))
                good.write(piece)
                piece[0] ^= 1
                bad.write(piece)
                progress(start)
        described = describe(right, PIECE_SIZE, progress)
        hash_file.write_bytes(to_json(described))
    return _Files(right, wrong, hash_file, described)


@contextlib.asynccontextmanager
async def _origin(network: Network, path: Path, say: Say) -> AsyncIterator[str]:
    with path.open("rb", buffering=0) as file:
        async with DemoOrigin(network, file, LENGTH, RateLimit(ORIGIN_RATE)) as origin:
            say(f"an HTTP origin serves it at {origin.url}")
            yield origin.url


@contextlib.asynccontextmanager
async def _coordinator(network: Network, files: _Files, url: str, say: Say) -> AsyncIterator[str]:
    """Run a coordination service that knows the file's hashes; give its URL, empty where that part is not installed."""
    place: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
    offer, kept = f"{files.right}={url}", files.right.with_name("hash-files")
    order = CoordinatorOrder(Address(LOOPBACK, 0), publish=(offer,), kept=kept, alone=False)
    serving = asyncio.create_task(coordinate(network, order, lambda where, _tls: place.set_result(where), say))
    try:
        yield await _started(serving, place, say)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def _started(serving: "asyncio.Task[None]", place: "asyncio.Future[Address]", say: Say) -> str:
    """Wait until the service listens, and return its URL; empty where it cannot, for want of an extra."""
    await asyncio.wait((serving, place), return_when=asyncio.FIRST_COMPLETED)
    try:
        if serving.done():
            serving.result()
    except MissingExtraError as error:
        say(f"no coordination service, so that the fetch is told of its peers: {error}")
        return ""
    say(f"a coordination service listens at http://{place.result()} and knows the file's hashes")
    return f"http://{place.result()}"


@contextlib.asynccontextmanager
async def _peer(network: Network, content: Content, path: Path, service: str) -> AsyncIterator[Address]:
    with path.open("rb", buffering=0) as file:
        slots, limit = Slots(SLOTS, network.now), RateLimit(PEER_RATE)
        share = Share(content, file, content.all_pieces, ledger=Ledger(), slots=slots, limit=limit)
        async with Node(network) as node:
            node.add(share)
            listener = await _listener(network)
            node.accept_on(listener)
            await _join(network, service, Place(content_id(share.swarm_hash), "", node.peer_id, listener.address.port))
            yield listener.address


async def _listener(network: Network) -> Listener:
    """Listen on the port that Delivery Optimization has, as long as it is free."""
    try:
        return await network.listen(Address(LOOPBACK, PEER_PORT))
    except LocalError:
        return await network.listen(Address(LOOPBACK, 0))


async def _join(network: Network, service: str, place: Place) -> None:
    """Take a place in the swarm, once: the service remembers it for longer than all of this takes."""
    async with joining(network, Rendezvous(service) if service else None, TIMEOUT) as swarm:
        if swarm is not None:
            await swarm.join(place, JoinEvent.FIRST)
