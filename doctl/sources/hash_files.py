"""Where a hash file comes from: a file the user names, a URL the user names, or beside the content on its host."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from doctl.errors import DoctlError, HashFileError
from doctl.transfer.content import Content
from doctl.transfer.hashing import read_hash_file
from doctl.transfer.origin import read
from doctl.wire.hash_file import MAX_HASH_FILE, parse
from doctl.wire.places import Licence

if TYPE_CHECKING:
    import httpx

SUFFIXES: Final = (".phf", "/pieceshash")
"""What is added to a content URL for its hash file: by Intune the first, by the file streaming service the second."""


async def named_by_user(client: "httpx.AsyncClient", place: str, trusted: bytes | None) -> Content:
    """Read the hash file at ``place``, a path or an http(s) URL; HashFileError where it is not what is trusted."""
    if place.startswith(("http://", "https://")):
        return content_of(await read(client, place, MAX_HASH_FILE), trusted)
    return content_of(read_hash_file(Path(place)), trusted)


async def beside(client: "httpx.AsyncClient", url: str, trusted: bytes) -> Content:
    """Look for the hash file where content hosts keep it; the last error where none of the places has it."""
    return await listed(client, places(url), trusted)


async def listed(
    client: "httpx.AsyncClient", urls: Iterable[str], trusted: bytes, licence: Licence | None = None
) -> Content:
    """Read the hash file at the first of ``urls`` that has the right one; the last error where none has.

    ``licence`` is for URLs that the user did not name.
    """
    error: DoctlError = HashFileError("no hash file is listed")
    for url in urls:
        try:
            return content_of(await read(client, url, MAX_HASH_FILE, licence=licence), trusted)
        except DoctlError as problem:
            error = problem
    raise error


def places(url: str) -> Iterator[str]:
    """Yield the URLs at which the hash file of the content at ``url`` may be."""
    parts = urlsplit(url)
    for suffix in SUFFIXES:
        yield urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix))


def content_of(data: bytes, trusted: bytes | None) -> Content:
    """Make content of a hash file's bytes; without ``trusted`` it has no swarm."""
    found = parse(data, trusted)
    return Content(found.content_length, found.piece_size, found.pieces, trusted)
