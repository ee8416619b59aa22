"""Asks a reflector to connect back to this machine, and answers for port 7680 meanwhile if nobody else does."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from doctl.endpoints import PEER_PORT, Address
from doctl.errors import DoctlError, LocalError, NetworkError, ServiceError
from doctl.net import http_errors
from doctl.net.probe import family_of, one_of_each_family, read_exactly
from doctl.printable import printable
from doctl.wire.reflection import CHALLENGE_SIZE, MOST_BYTES, NONCE_SIZE, ProbeAnswer, ProbeRequest, proof

if TYPE_CHECKING:
    import httpx

    from doctl.net.base import Connection, Listener, Network

SHARE: Final = 0.7
"""Of the time left, what the reflector gets; the rest is for the way there and back."""
MOST_CALLERS: Final = 16
"""Connections that the temporary listener takes."""


@dataclass(frozen=True, slots=True)
class Reflection:
    """What the reflector said over one address family, or why it said nothing."""

    family: str
    answer: ProbeAnswer | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Reflected:
    """What a reflector said over each family.

    ``listener`` is who answered for 7680: ``service`` (somebody who listens there anyway), ``temporary`` (doctl itself)
    or ``none`` (doctl could not listen).
    """

    url: str
    listener: str
    reflections: tuple[Reflection, ...]
    problem: str = ""


async def reflected(network: "Network", url: str, timeout: float, *, served: bool) -> Reflected:
    """Ask the reflector at ``url`` over both families at once; ``served`` says that somebody listens on 7680.

    It is asked directly: a proxy would have its own address probed.
    """
    start = network.now()
    host = urlsplit(url).hostname or ""
    try:
        addresses = one_of_each_family(await network.resolve(host, timeout))
    except NetworkError as error:
        return Reflected(url, "none", (), str(error))
    nonce = None if served else secrets.token_bytes(NONCE_SIZE)
    async with network.http(direct=True, timeout=timeout) as client, _temporary(network, nonce) as listening:
        left = timeout - (network.now() - start)
        request = ProbeRequest(PEER_PORT, nonce if listening else None, left * SHARE)
        asked = (_ask(client, url, address, request, left) for address in addresses)
        reflections = tuple(await asyncio.gather(*asked))
    return Reflected(url, "service" if served else "temporary" if listening else "none", reflections)


async def _ask(client: "httpx.AsyncClient", url: str, address: str, request: ProbeRequest, left: float) -> Reflection:
    try:
        async with asyncio.timeout(left):
            return Reflection(family_of(address), await _posted(client, url, address, request))
    except TimeoutError:
        return Reflection(family_of(address), None, f"{address}: no answer in time")
    except DoctlError as error:
        return Reflection(family_of(address), None, str(error))


async def _posted(client: "httpx.AsyncClient", url: str, address: str, request: ProbeRequest) -> ProbeAnswer:
    """Send the request to one address of the reflector."""
    parts = urlsplit(url)
    there = at_address(parts, address)
    with http_errors.named(there) as extensions:
        async with client.stream(
            "POST",
            there,
            content=request.encode(),
            headers={"Host": parts.netloc, "Content-Type": "application/json"},
            extensions={**extensions, "sni_hostname": parts.hostname},
        ) as response:
            return _read(response.status_code, await _body(response))


def at_address(url: SplitResult, address: str) -> str:
    """Return the URL of the endpoint with the host replaced by one of its addresses."""
    literal = f"[{address}]" if ":" in address else address
    netloc = f"{literal}:{url.port}" if url.port else literal
    path = f"{url.path.rstrip('/').removesuffix('/probe')}/probe"
    return SplitResult(url.scheme, netloc, path, url.query, "").geturl()


async def _body(response: "httpx.Response") -> bytes:
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > MOST_BYTES:
            raise ServiceError("the answer is too long for a reflector's")
    return body


def _read(status: int, body: bytes) -> ProbeAnswer:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ServiceError("the reflector was asked too often; try again in a minute")
    if status == HTTPStatus.BAD_REQUEST:
        raise ServiceError(f"the reflector refuses: {printable(body.decode('utf-8', 'replace'), 200)}")
    if status != HTTPStatus.OK:
        raise ServiceError(f"no reflector there: HTTP status {status}")
    return ProbeAnswer.decode(body)


@contextlib.asynccontextmanager
async def _temporary(network: "Network", nonce: bytes | None) -> AsyncIterator[bool]:
    """Listen on 7680 while the block runs and prove ``nonce`` to whoever connects; give whether that works."""
    listener = await _listener(network) if nonce else None
    if listener is None or nonce is None:
        yield False
        return
    serving = asyncio.create_task(_serve(listener, nonce))
    try:
        yield True
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        listener.close()


async def _listener(network: "Network") -> "Listener | None":
    """Listen on every address, of both families where the system has them."""
    for host in ("::", "0.0.0.0"):  # noqa: S104 - the question is whether outsiders reach it
        with contextlib.suppress(LocalError):
            return await network.listen(Address(host, PEER_PORT))
    return None


async def _serve(listener: "Listener", nonce: bytes) -> None:
    """Take a few callers, at once, each for one challenge and one proof of the same size."""
    async with asyncio.TaskGroup() as group:
        for _ in range(MOST_CALLERS):
            group.create_task(_prove(await listener.accept(), nonce))


async def _prove(connection: "Connection", nonce: bytes) -> None:
    try:
        challenge = await read_exactly(connection, CHALLENGE_SIZE)
        if challenge is not None:
            await connection.send(proof(nonce, challenge))
    except NetworkError:
        return  # a caller that went away; the reflector will say so
    finally:
        connection.close()
