"""``doctl coordinator`` from start to finish: hash what is published, then bring peers together until interrupted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from doctl.endpoints import Address
from doctl.errors import MissingExtraError, NetworkError, UsageError
from doctl.jobs.alongside import alongside
from doctl.net.base import Network
from doctl.wire.joining import INTERVAL

if TYPE_CHECKING:
    from doctl.coordination.catalogue import Catalogue
    from doctl.coordination.store import Store
    from doctl.coordination.tokens import Tokens
    from doctl.net.http_server import Identity

MEMORY: Final = "memory"
MOST_TOKEN_FILE: Final = 1 << 20
LOOKING: Final = 30.0
"""Seconds between looks at whether published files have changed, and whether the store still has them."""


@dataclass(frozen=True, slots=True)
class CoordinatorOrder:
    """Where to listen and what to publish. ``store`` is ``memory`` or a URL of Redis, ``publish`` has ``FILE=URL``.

    ``kept`` is the folder that keeps hash files from one run to the next, in the user's cache unless given. ``alone``
    says that the process does nothing else, so that what signals do is the service's to say.
    """

    listen: Address
    store: str = MEMORY
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    publish: tuple[str, ...] = ()
    token_file: Path | None = None
    kept: Path | None = None
    alone: bool = True


async def coordinate(
    network: Network, order: CoordinatorOrder, ready: Callable[[Address, bool], None], say: Callable[[str], None]
) -> None:
    """Serve until cancelled; ``ready`` hears where and whether with TLS, ``say`` lines for the administrator's log."""
    try:
        from doctl.coordination.server import Coordinator  # noqa: PLC0415 - an extra
        from doctl.net.http_server import serve_http  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingExtraError(
            "doctl coordinator needs an optional part: pip install 'doctl-toolkit[coordinator]'"
        ) from None
    identity, tokens = _identity(order), _tokens(order.token_file)
    catalogue = _catalogue(order, say)
    store = _store(network, order.store)
    try:
        await _publish_first(catalogue, store, say)
        app = Coordinator(network, store, catalogue=catalogue, tokens=tokens, say=say).app()
        async with alongside(_look_again(catalogue, store)):
            tls = identity is not None
            await serve_http(app, order.listen, identity, lambda where: ready(where, tls), alone=order.alone)
    finally:
        await store.close()


async def _publish_first(catalogue: "Catalogue", store: "Store", say: Callable[[str], None]) -> None:
    """Publish before anybody asks; of a store that does not answer it is said, though it is told later."""
    try:
        await catalogue.publish(store)
        await store.counts()  # asked by nobody else where nothing is published
    except NetworkError as error:
        say(f"starting without the store: {error}")


async def _look_again(catalogue: "Catalogue", store: "Store") -> None:
    while True:
        await asyncio.sleep(LOOKING)
        await catalogue.publish_again(store)


def _store(network: Network, where: str) -> "Store":
    from doctl.coordination.store import REMEMBERED  # noqa: PLC0415 - the command's help stores nothing

    if where == MEMORY:
        from doctl.coordination.store_memory import MemoryStore  # noqa: PLC0415 - one of two

        return MemoryStore(network.now, REMEMBERED * INTERVAL)
    if not where.startswith(("redis://", "rediss://", "unix://")):
        raise UsageError(f"--store {where[:80]!r} is neither memory nor a redis:// URL")
    from doctl.coordination.store_redis import RedisStore  # noqa: PLC0415 - an extra

    return RedisStore(where, REMEMBERED * INTERVAL)


def _catalogue(order: CoordinatorOrder, say: Callable[[str], None]) -> "Catalogue":
    import platformdirs  # noqa: PLC0415 - the command's help keeps nothing

    from doctl.coordination.catalogue import Catalogue, parse_offer  # noqa: PLC0415 - as above

    offers = [parse_offer(text) for text in order.publish]
    kept = order.kept or platformdirs.user_cache_path("doctl", appauthor=False) / "hash-files"
    return Catalogue(offers, kept, say)


def _identity(order: CoordinatorOrder) -> "Identity | None":
    from doctl.net.http_server import Identity  # noqa: PLC0415 - an extra

    if order.tls_certificate is None and order.tls_key is None:
        return None
    if order.tls_certificate is None or order.tls_key is None:
        raise UsageError("--tls-cert and --tls-key go together")
    return Identity(order.tls_certificate, order.tls_key)


def _tokens(path: Path | None) -> "Tokens | None":
    from doctl.coordination.tokens import parse_tokens  # noqa: PLC0415 - the command's help reads nothing

    if path is None:
        return None
    try:
        with path.open(encoding="utf-8") as file:
            return parse_tokens(file.read(MOST_TOKEN_FILE), str(path))
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
