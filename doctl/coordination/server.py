"""The coordination service: the five steps to peers, publishing, the reflector, health and metrics, as one application.

The address of a peer is the one that its connection comes from; a request through a proxy has none and is refused.
"""

import asyncio
import hashlib
import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from doctl import __version__
from doctl.coordination.catalogue import Catalogue
from doctl.coordination.limits import JoinLimit, SaidOnce
from doctl.coordination.matching import EVERY, MOST_GIVEN, Member, choose, kind_of, member_of, pools_of
from doctl.coordination.metrics import Metrics
from doctl.coordination.reflector import Reflector, caller_of
from doctl.coordination.store import Publication, Store
from doctl.coordination.tokens import Tokens
from doctl.endpoints import Address
from doctl.errors import DoctlError, HashFileError, NetworkError, UsageError
from doctl.printable import printable
from doctl.settings import DownloadMode, IPAddress
from doctl.wire import hash_file, service
from doctl.wire.joining import (
    INTERVAL,
    MOST_PEERS,
    MOST_REQUEST,
    JoinEvent,
    JoinRequest,
    encode_answer,
    of_kind,
    parse_join_request,
    parse_swarm_query,
)
from doctl.wire.places import owner_of, owner_of_host
from doctl.wire.urls import usable

if TYPE_CHECKING:
    from doctl.net.base import Network

READING: Final = 10.0
"""Seconds that a client has to send a join; a hash file may take as many minutes."""
TRY_AGAIN: Final = 5
"""Seconds after which to ask again while the store is away."""
LIFETIME: Final = "private, max-age=60"
"""How long the steps before the last may be kept."""

PART: Final = 64 * 1024
"""Bytes of a hash file that are sent at once."""

Handler = Callable[[Request], Awaitable[Response]]


class Refused(DoctlError):
    """A request that is not for this client to make, or not now."""

    def __init__(self, status: HTTPStatus, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Coordinator:
    """Answers all of the service's requests; ``say`` takes lines for the administrator's log."""

    def __init__(
        self,
        network: "Network",
        store: Store,
        *,
        catalogue: Catalogue | None = None,
        tokens: Tokens | None = None,
        say: Callable[[str], None],
        interval: int = INTERVAL,
        limit: JoinLimit | None = None,
    ) -> None:
        self._store = store
        self._catalogue = catalogue or Catalogue((), Path(), say)
        self._tokens = tokens or Tokens()
        self._say_once = SaidOnce(say)
        self._interval = interval
        self._limit = limit or JoinLimit(network.now)
        self._reflector = Reflector(network)
        self._metrics = Metrics()

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            Route("/array/join/", self._refusing(self._join), methods=["POST"]),
            Route("/array/peers/", self._refusing(self._peers)),
            Route("/geo", self._refusing(self._geo)),
            Route("/all", self._refusing(self._key_values)),
            Route("/content/{content_id}/contentpolicy", self._refusing(self._content_policy)),
            Route("/content/{content_id}/pieceshash", self._refusing(self._hash_file)),
            Route("/discovery/content/{content_id}", self._refusing(self._discovery)),
            Route("/publish", self._refusing(self._publish), methods=["PUT"]),
            Route("/health", self._health),
            Route("/metrics", self._show_metrics),
            *self._reflector.routes(),
        ]
        return Starlette(routes=routes)

    async def _geo(self, request: Request) -> Response:
        seen = _seen(request)
        return _json(service.Geo(seen, f"{_base(request)}/all", version=__version__).encode())

    async def _key_values(self, request: Request) -> Response:
        base, content_id = _base(request), service.CONTENT_ID
        policy, discovery = f"{base}/content/{content_id}/contentpolicy", f"{base}/discovery/content/{content_id}"
        return _json(service.KeyValues(policy, discovery).encode())

    async def _content_policy(self, request: Request) -> Response:
        url = service.parse_content_query(request.query_params)
        content_id = _content_id(request)
        publication = self._catalogue.published(content_id, url) or await self._store.published(content_id, url)
        if publication is None:
            return _said(HTTPStatus.NOT_FOUND, "this content is not published here")
        return _json(_policy(publication, _base(request)))

    async def _hash_file(self, request: Request) -> Response:
        content_id = _content_id(request)
        data = self._catalogue.hash_file(content_id) or await self._store.hash_file(content_id)
        return _said(HTTPStatus.NOT_FOUND, "this content is not published here") if data is None else _long(data)

    async def _discovery(self, request: Request) -> Response:
        return _json(service.Discovery(f"{_base(request)}/array/").encode())

    async def _join(self, request: Request) -> Response:
        seen = _seen(request)
        self._admit(request, seen)
        asked = parse_join_request(await _body(request, MOST_REQUEST, READING))
        asker = member_of(asked, seen)
        peers = await self._found(asked, asker) if pools_of(asker) else []
        self._metrics.joins.inc()
        self._metrics.given.inc(len(peers))
        return Response(self._answer(asker, peers, seen), media_type=service.JSON_TYPE)

    async def _found(self, asked: JoinRequest, asker: Member) -> list[Member]:
        swarm = swarm_name(asked.content_id, asked.url)
        if asked.event is JoinEvent.LAST:
            await self._store.leave(swarm, asker)
            return []
        wanted = min(asked.peers_wanted, MOST_GIVEN)
        spare = wanted // 4 + 1 if wanted else 0  # the asker itself, and machines that are there twice
        return choose(asker, await self._store.join(swarm, asker, wanted + spare), wanted)

    async def _peers(self, request: Request) -> Response:
        """List a swarm to somebody who does not join it."""
        seen = _seen(request)
        self._admit(request, seen)
        swarm = swarm_name(*parse_swarm_query(request.query_params))
        asker = member_of(JoinRequest(peer_id=bytes(20), mode=DownloadMode.INTERNET), seen)
        peers = [peer for pool in await self._store.look(swarm, (EVERY,), MOST_PEERS) for peer in pool]
        return Response(self._answer(asker, peers, seen), media_type=service.JSON_TYPE)

    def _answer(self, asker: Member, peers: list[Member], seen: IPAddress) -> bytes:
        return encode_answer((of_kind(peer.head, kind_of(asker, peer)) for peer in peers), seen, self._interval)

    def _admit(self, request: Request, seen: IPAddress) -> None:
        if not self._limit.admits(owner_of(seen)):
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, "too_many", "too many joins from this address")
        if not self._tokens.may_join(request.headers.get("authorization", "")):
            raise Refused(HTTPStatus.UNAUTHORIZED, "no_token", "joining needs a token: Authorization: Bearer TOKEN")

    async def _publish(self, request: Request) -> Response:
        if not self._tokens.may_publish(request.headers.get("authorization", "")):
            raise Refused(HTTPStatus.FORBIDDEN, "no_token", "publishing needs a token that the token file allows it")
        url = usable(service.parse_content_query(request.query_params))
        data = await _body(request, hash_file.MAX_HASH_FILE, READING * 60)
        try:
            described = await asyncio.to_thread(hash_file.parse, data)
        except HashFileError as error:
            raise UsageError(str(error)) from None
        publication = Publication(hash_file.content_id(described.hash_of_hashes), url)
        await self._store.publish(publication, data)
        return _json(_policy(publication, _base(request)), HTTPStatus.CREATED)

    async def _health(self, _request: Request) -> Response:
        try:
            counts = await self._store.counts()
        except NetworkError as error:
            return _health(HTTPStatus.SERVICE_UNAVAILABLE, status="fail", error=str(error))
        return _health(HTTPStatus.OK, status="pass", members=counts.members, publications=counts.publications)

    async def _show_metrics(self, _request: Request) -> Response:
        try:
            counts = await self._store.counts()
        except NetworkError:
            counts = None
        return Response(self._metrics.text(counts), media_type="text/plain; version=0.0.4; charset=utf-8")

    def _refusing(self, handler: Handler) -> Handler:
        """Return ``handler`` with what it raises made into an answer, counted, and said once for each client."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Refused as error:
                status, reason, message = error.status, error.reason, str(error)
            except UsageError as error:
                status, reason, message = HTTPStatus.BAD_REQUEST, "bad_request", str(error)
            except NetworkError as error:
                status, reason, message = HTTPStatus.SERVICE_UNAVAILABLE, "store_away", str(error)
            self._metrics.refused.labels(reason).inc()
            whom = "requests" if reason == "store_away" else _owner(request)
            self._say_once(whom, reason, f"refused {whom}: {printable(message, 200)}")
            return _said(status, message)

        return answer


def _seen(request: Request) -> IPAddress:
    return ipaddress.ip_address(caller_of(request).partition("%")[0])


def _owner(request: Request) -> str:
    """Return whom a request is from, as limits count it, even one that has no address of its own."""
    return owner_of_host(request.client.host if request.client else "somebody")


def _base(request: Request) -> str:
    """Return what the client calls us; UsageError for what cannot be a host and port."""
    host = request.headers.get("host", "")
    Address.parse(host, default_port=0)
    return f"{request.url.scheme}://{host}"


def _content_id(request: Request) -> str:
    content_id: str = request.path_params["content_id"]
    if len(content_id) > service.MOST_CONTENT_ID:
        raise UsageError(f"a content id has at most {service.MOST_CONTENT_ID} characters")
    return content_id


def swarm_name(content_id: str, url: str) -> str:
    """Return a short name for the swarm, whatever its content is called."""
    name = f"id {content_id}" if content_id else f"url {url}"
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _policy(publication: Publication, base: str) -> bytes:
    digest = hash_file.parse_content_id(publication.content_id)
    phf = f"{base}/content/{publication.content_id}/pieceshash"
    return service.ContentPolicy(publication.content_id, digest, (phf,), (publication.url,)).encode()


async def _body(request: Request, most: int, seconds: float) -> bytes:
    """Read the request, in bounds of size and time."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body += part
                if len(body) > most:
                    raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"more than {most} bytes")
    except (TimeoutError, ClientDisconnect):
        raise UsageError("the request did not come to its end") from None
    return bytes(body)


def _health(code: HTTPStatus, /, **fields: object) -> Response:
    return _json(json.dumps(fields).encode(), code, lifetime="no-store")


def _json(data: bytes, status: HTTPStatus = HTTPStatus.OK, lifetime: str = LIFETIME) -> Response:
    return Response(data, status, {"Cache-Control": lifetime}, media_type=service.JSON_TYPE)


def _long(data: bytes) -> Response:
    """Send ``data`` part by part: each client that takes it slowly would else have a copy of the whole of it."""

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(data), PART):
            yield data[start : start + PART]

    headers = {"Cache-Control": LIFETIME, "Content-Length": str(len(data))}
    return StreamingResponse(parts(), headers=headers, media_type=service.JSON_TYPE)


def _said(status: HTTPStatus, message: str) -> Response:
    headers = {"Retry-After": str(TRY_AGAIN)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(f"{message}\n", status, headers, media_type="text/plain")
