"""``doctl demo``: everything on loopback in one go, so that a newcomer sees in seconds what doctl does."""

import asyncio
import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from doctl.endpoints import Address
from doctl.jobs.demo_origin import DemoOrigin
from doctl.jobs.fetch import fetch
from doctl.jobs.fetch_result import FetchOrder, FetchResult
from doctl.net.base import Network
from doctl.report import Progress
from doctl.settings import Origin, Value, layered
from doctl.transfer.content import PIECE_SIZE, Content
from doctl.transfer.hashing import describe
from doctl.transfer.ledger import Ledger
from doctl.transfer.limits import RateLimit
from doctl.transfer.node import Node
from doctl.transfer.share import Share
from doctl.transfer.upload import SLOTS, Slots
from doctl.wire.hash_file import to_json

LENGTH: Final = (96 << 20) + 12_345
"""Bytes of the demonstration's file: some seconds at the rates below, and a last piece that is short."""
ORIGIN_RATE: Final = 8_000_000
PEER_RATE: Final = 16_000_000
PEERS: Final = (("an honest peer", False), ("an honest peer", False), ("a lying peer", True))
"""Who takes part besides the origin, and whether what it sends is wrong."""


async def demo(
    network: Network, result: FetchResult, *, watch: Callable[[Progress], None], say: Callable[[str], None]
) -> dict[str, str]:
    """Fill ``result`` with a fetch from an origin and three peers; return the peers' roles by address."""
    with tempfile.TemporaryDirectory(prefix="doctl-demo-", ignore_cleanup_errors=True) as folder:
        say(f"making a file of {LENGTH:,} random bytes, and a damaged copy of it")
        right, wrong = await asyncio.to_thread(_make_files, Path(folder))
        described = await asyncio.to_thread(describe, right, PIECE_SIZE)
        hash_file = right.with_name("update.cab.phf")
        hash_file.write_bytes(to_json(described))
        content = Content(described.content_length, PIECE_SIZE, described.pieces, described.hash_of_hashes)
        async with contextlib.AsyncExitStack() as stack:
            url = await stack.enter_async_context(_origin(network, right, say))
            roles: dict[str, str] = {}
            for role, lies in PEERS:
                address = await stack.enter_async_context(_peer(network, content, wrong if lies else right))
                roles[str(address)] = role
                say(f"{role} listens on {address}")
            order = FetchOrder(
                url=url,
                output=Path(folder) / "fetched.cab",
                phf=str(hash_file),
                hash_of_hashes=described.hash_of_hashes,
                peers=tuple(Address.parse(address) for address in roles),
                listen=Address("127.0.0.1", 0),
                settings=layered({"DOAllowVPNPeerCaching": Value(1, Origin.OPTION, "doctl demo")}),  # stays on loopback
            )
            say("fetching from all of them at once; every piece is checked before it counts")
            await fetch(network, order, result, watch=watch, say=say)
        return roles


def _make_files(folder: Path) -> tuple[Path, Path]:
    right, wrong = folder / "update.cab", folder / "damaged.cab"
    data = bytearray(secrets.token_bytes(LENGTH))
    right.write_bytes(data)
    for start in range(0, LENGTH, PIECE_SIZE):
        data[start] ^= 1
    wrong.write_bytes(data)
    return right, wrong


@contextlib.asynccontextmanager
async def _origin(network: Network, path: Path, say: Callable[[str], None]) -> AsyncIterator[str]:
    with path.open("rb", buffering=0) as file:
        async with DemoOrigin(network, file, LENGTH, RateLimit(ORIGIN_RATE)) as origin:
            say(f"an HTTP origin serves it at {origin.url}")
            yield origin.url


@contextlib.asynccontextmanager
async def _peer(network: Network, content: Content, path: Path) -> AsyncIterator[Address]:
    with path.open("rb", buffering=0) as file:
        slots, limit = Slots(SLOTS, network.now), RateLimit(PEER_RATE)
        share = Share(content, file, content.all_pieces, ledger=Ledger(), slots=slots, limit=limit)
        async with Node(network) as node:
            node.add(share)
            listener = await network.listen(Address("127.0.0.1", 0))
            node.accept_on(listener)
            yield listener.address
