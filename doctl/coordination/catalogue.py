"""What the administrator publishes: files on this disk, hashed once for each size and time of change.

Everything here blocks but ``publish``: call it from a worker thread.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from doctl import atomic
from doctl.coordination.store import Publication, Store
from doctl.errors import DoctlError, HashFileError, LocalError, UsageError
from doctl.transfer import filesystem
from doctl.transfer.content import PIECE_SIZE
from doctl.transfer.hashing import describe, read_hash_file
from doctl.transfer.store import explained
from doctl.wire import hash_file
from doctl.wire.urls import usable

MOST_FILES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Offer:
    """A file and the URL that clients fetch it from, or a folder and what the URLs of its files begin with."""

    path: Path
    url: str


def parse_offer(text: str) -> Offer:
    """Read ``FILE=URL``; the first ``=`` with a URL behind it is the one meant."""
    path, _, rest = text.partition("=http")
    if not path or not rest:
        raise UsageError(f"{text[:120]!r} is not FILE=URL, with a URL that begins with http")
    return Offer(Path(path), usable(f"http{rest}"))


class Catalogue:
    """Keeps a store told of ``offers``; hash files are kept in ``folder`` so that a restart hashes nothing again.

    It answers for its own files itself, whatever becomes of the store.
    """

    def __init__(self, offers: Iterable[Offer], folder: Path, say: Callable[[str], None]) -> None:
        self._offers = tuple(offers)
        self._folder = folder
        self._say = say
        self._known: dict[Path, tuple[filesystem.Stamp, Publication, bytes]] = {}
        self._by_name: dict[str, tuple[Publication, bytes]] = {}
        self._failed: set[str] = set()

    async def publish(self, store: Store) -> int:
        """Hash what is new or has changed, tell the store of all, and return how many files that are."""
        files = await asyncio.to_thread(lambda: list(self._files()))
        described = [await asyncio.to_thread(self._described, path, url) for path, url in files]
        by_url = {publication.url: (publication, data) for publication, data in described}
        self._by_name = {publication.content_id: (publication, data) for publication, data in described} | by_url
        for publication, data in described:
            if await store.published("", publication.url) != publication:
                await store.publish(publication, data)
        return len(files)

    def published(self, content_id: str, url: str) -> Publication | None:
        """Return content of our own by id, else by URL."""
        found = self._by_name.get(content_id) or self._by_name.get(url)
        return found[0] if found else None

    def hash_file(self, content_id: str) -> bytes | None:
        """Return the hash file of content of our own."""
        found = self._by_name.get(content_id)
        return found[1] if found else None

    async def publish_again(self, store: Store) -> None:
        """Do so once more, and say what went wrong, each thing once."""
        try:
            await self.publish(store)
        except DoctlError as error:
            if str(error) not in self._failed and len(self._failed) < MOST_FILES:
                self._failed.add(str(error))
                self._say(f"publishing: {error}")

    def _files(self) -> Iterator[tuple[Path, str]]:
        count = 0
        for offer in self._offers:
            for path, url in _below(offer):
                count += 1
                if count > MOST_FILES:
                    raise UsageError(f"more than {MOST_FILES} files to publish")
                yield path, url

    def _described(self, path: Path, url: str) -> tuple[Publication, bytes]:
        with explained(path):
            stamp = filesystem.stamp(path.stat())
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            data = self._hash_file(path, stamp)
            content_id = hash_file.content_id(hash_file.parse(data).hash_of_hashes)
            known = self._known[path] = stamp, Publication(content_id, url), data
        return known[1:]

    def _hash_file(self, path: Path, stamp: filesystem.Stamp) -> bytes:
        """Return the file's hash file, from an earlier run if the file is as it was."""
        name = hashlib.sha256(repr((str(path.resolve()), *stamp)).encode("utf-8", "surrogatepass")).hexdigest()
        kept = self._folder / f"{name}.phf"
        with contextlib.suppress(DoctlError):
            data = read_hash_file(kept)
            if hash_file.parse(data).content_length == stamp[0]:
                return data
        data = hash_file.to_json(_hashed(path))
        with contextlib.suppress(OSError, LocalError):  # without a place to keep it, it is hashed again next time
            self._folder.mkdir(parents=True, exist_ok=True)
            atomic.write(kept, data)
        return data


def _hashed(path: Path) -> hash_file.HashFile:
    try:
        return describe(path, PIECE_SIZE)
    except HashFileError as error:
        raise UsageError(f"{path}: {error}") from None


def _below(offer: Offer) -> Iterator[tuple[Path, str]]:
    with explained(offer.path):
        there, is_folder = offer.path.exists(), offer.path.is_dir()
    if not there:
        raise UsageError(f"{offer.path}: no such file or folder")
    if not is_folder:
        yield offer.path, offer.url
        return
    for path in sorted(offer.path.rglob("*")):
        if path.is_file():
            yield path, f"{offer.url.rstrip('/')}/{quote(path.relative_to(offer.path).as_posix())}"
