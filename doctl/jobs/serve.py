"""``doctl serve`` from start to finish: hash what is to be shared, then give its pieces to whoever asks."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from doctl.endpoints import Address
from doctl.errors import HashFileError, LocalError, UsageError
from doctl.jobs.alongside import alongside
from doctl.jobs.announcing import announced
from doctl.jobs.conditions import Subject
from doctl.jobs.listening import listen_for_peers
from doctl.jobs.manners import told_once
from doctl.jobs.minding import Minder, minding
from doctl.jobs.neighbours import near
from doctl.jobs.rendezvous import Rendezvous
from doctl.jobs.upload_count import UploadCount, count_file
from doctl.net.base import Network
from doctl.settings import DownloadMode, Settings, defaults
from doctl.transfer import filesystem
from doctl.transfer.content import PIECE_SIZE, Content
from doctl.transfer.hashing import Progress, compare, describe, in_thread, read_hash_file
from doctl.transfer.ledger import Ledger
from doctl.transfer.limits import RateLimit
from doctl.transfer.node import Node
from doctl.transfer.rules import too_small
from doctl.transfer.share import Share
from doctl.transfer.store import explained
from doctl.transfer.upload import SLOTS, Slots
from doctl.wire.hash_file import HashFile, parse

MOST_FILES: Final = 1000
"""Files shared by one process; each keeps one file open."""

SERVICE_TIMEOUT: Final = 10.0
"""Seconds for one question to the coordination service."""


@dataclass(frozen=True, slots=True)
class ServeOrder:
    """What to share, and how. ``max_up`` is bytes a second for all peers together, ``duration`` seconds or None.

    ``settings`` are as they were made, without what boundary groups make of them.
    """

    paths: tuple[Path, ...]
    hash_files: tuple[Path, ...] = ()
    listen: Address | None = None
    max_up: int | None = None
    slots: int = SLOTS
    rendezvous: Rendezvous | None = None
    local_discovery: bool = False
    duration: float | None = None
    verbose: bool = False
    settings: Settings = field(default_factory=defaults)


@dataclass(frozen=True, slots=True)
class Shared:
    """A file that is shared, its content, and its stamp before it was hashed."""

    path: Path
    content: Content
    stamp: filesystem.Stamp


async def serve(
    network: Network,
    order: ServeOrder,
    ledger: Ledger,
    ready: Callable[[Address, list[Shared]], None],
    say: Callable[[str], None] = lambda _line: None,
) -> None:
    """Share until ``order.duration`` is over or it is cancelled; ``ready`` hears where, and what is shared.

    ``say`` is called with a line for the administrator. Raises UsageError for settings that will not do, LocalError
    where they leave nothing to share.
    """
    every = await in_thread(lambda progress: hash_all(order.paths, order.hash_files, progress))
    shared = [*_large_enough(every, order.settings, say)]
    slots, limit = Slots(order.slots, network.now), RateLimit(order.max_up)
    uploads = UploadCount(count_file(), say)
    folder = shared[0].path.parent
    subject = Subject(fetching=False, folder=folder, to_internet=ledger.sent_to_internet, uploads=uploads)
    manners = told_once(say, "uploads", wanted=order.verbose)
    with contextlib.ExitStack() as files:
        async with minding(network, order.settings, subject, say) as minder, Node(network) as node:
            for item in shared:
                with explained(item.path):
                    file = files.enter_context(item.path.open("rb", buffering=0))
                share = Share(
                    item.content, file, item.content.all_pieces, ledger=ledger, slots=slots, limit=limit
                )  # fmt: skip
                share.unchanged = filesystem.unchanged_since(file, item.stamp)
                share.on_manners = manners
                node.add(share)
            minder.lead(node, slots)
            listener = await listen_for_peers(network, order.listen)
            node.accept_on(listener)
            ready(listener.address, shared)
            swarms = tuple(item.content.hash_of_hashes for item in shared if item.content.hash_of_hashes)
            telling = _Telling(network, order, swarms, node.peer_id, listener.address.port, say)
            async with alongside(telling.go_on(minder)):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(order.duration):
                        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class _Telling:
    """Tells others of this machine."""

    network: Network
    order: ServeOrder
    swarms: tuple[bytes, ...]
    peer_id: bytes
    port: int
    say: Callable[[str], None]

    async def go_on(self, minder: Minder) -> None:
        """Do it for as long as the rules let peers in."""
        while True:
            mode = await minder.peers_allowed()
            async with self._told(mode):
                await minder.peers_changed(mode)

    @contextlib.asynccontextmanager
    async def _told(self, mode: int) -> AsyncIterator[None]:
        order, say = self.order, self.say
        service = replace(order.rendezvous, mode=DownloadMode(mode)) if order.rendezvous else None
        telling = announced(
            self.network, service, self.swarms, peer_id=self.peer_id, port=self.port, timeout=SERVICE_TIMEOUT, say=say
        )
        async with contextlib.AsyncExitStack() as told:
            await told.enter_async_context(telling)
            if order.local_discovery:
                await told.enter_async_context(near(self.network, self.port, lambda _address: None, say))
            yield


def _large_enough(shared: Iterable[Shared], settings: Settings, say: Callable[[str], None]) -> Iterator[Shared]:
    """Yield what the settings let be shared, and say what not; LocalError where that is everything."""
    rule, count = None, 0
    for item in shared:
        if rule := too_small(settings, item.content.length):
            say(f"{item.path}: {rule}")
        else:
            count += 1
            yield item
    if not count:
        raise LocalError(f"nothing to share: {rule}")


def hash_all(paths: Iterable[Path], hash_file_paths: Iterable[Path], progress: Progress | None = None) -> list[Shared]:
    """Hash every file of ``paths`` (of folders, those below) as its hash file says, else in pieces of 1 MiB.

    ``progress`` hears of the bytes of each file; what it raises ends the work. UsageError for a path that is no file
    or too many of them, HashFileError for a hash file that fits none.
    """
    hash_files = {path: _read(path) for path in hash_file_paths}
    files = list(_files(paths))  # what is wrong with them is said before the hashing, which takes long
    shared = [_hash(path, hash_files.values(), progress) for path in files]
    have = {item.content.hash_of_hashes for item in shared}
    for path, hash_file in hash_files.items():
        if hash_file.hash_of_hashes not in have:
            raise HashFileError(
                f"no file matches the hash file {path}, for {hash_file.content_length:,} bytes: "
                f"doctl phf verify FILE --phf {path} says what differs"
            )
    return shared


def _read(path: Path) -> HashFile:
    data = read_hash_file(path)
    try:
        return parse(data)
    except HashFileError as error:
        raise HashFileError(f"{path}: {error}") from None


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    count = 0
    for path in paths:
        for file in _below(path):
            count += 1
            if count > MOST_FILES:
                raise UsageError(f"more than {MOST_FILES} files: share fewer at a time")
            yield file
    if not count:
        raise UsageError("no file to share: the folders named are empty")


def _below(path: Path) -> list[Path]:
    """Return the files of a folder, no more than are too many, or the one file that ``path`` is."""
    with explained(path):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
        if not path.is_dir():
            return [path]
        return sorted(itertools.islice((file for file in path.rglob("*") if file.is_file()), MOST_FILES + 1))


def _hash(path: Path, hash_files: Collection[HashFile], progress: Progress | None) -> Shared:
    with explained(path):
        before = filesystem.stamp(path.stat())
    for hash_file in hash_files:
        if hash_file.content_length == before[0] and compare(path, hash_file, progress).matches:
            return Shared(path, _content(hash_file), before)
    return Shared(path, _content(describe(path, PIECE_SIZE, progress)), before)


def _content(hash_file: HashFile) -> Content:
    return Content(hash_file.content_length, hash_file.piece_size, hash_file.pieces, hash_file.hash_of_hashes)
