"""The reflector: connects back to whoever asks, so that a machine learns how it looks from outside.

It never connects anywhere but to the address that the request itself came from, which the TCP handshake has proved; it
sends at most one challenge, and no more often than its limits say.
"""

import asyncio
import contextlib
import hmac
import ipaddress
import secrets
from collections import Counter, deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from doctl.endpoints import Address
from doctl.errors import NetworkError, UsageError
from doctl.net.probe import Outcome, outcome_of, read_exactly
from doctl.wire.places import owner_of_host
from doctl.wire.reflection import CHALLENGE_SIZE, MOST_BYTES, PROOF_SIZE, ProbeAnswer, ProbeRequest, proof

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.routing import BaseRoute

    from doctl.net.base import Connection, Network

FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
"""Headers that show a proxy in between, whose address is not the caller's; what they say is not believed either."""
READING: Final = 5.0
"""Seconds that a caller has to send its request."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Probes in any ``seconds``: for one caller (an IPv4 address or an IPv6 /64), and for all; and at once."""

    per_caller: int = 12
    in_total: int = 600
    seconds: float = 60.0
    at_once: int = 64


class Window:
    """Counts what was admitted in the last ``limits.seconds``; holds no more than ``limits.in_total`` entries."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._admitted: deque[tuple[float, str]] = deque()
        self._by_caller: Counter[str] = Counter()

    def admits(self, caller: str, now: float) -> bool:
        """Count a probe for ``caller`` if the limits have room for it."""
        while self._admitted and self._admitted[0][0] <= now - self._limits.seconds:
            self._forget(self._admitted.popleft()[1])
        if len(self._admitted) >= self._limits.in_total or self._by_caller[caller] >= self._limits.per_caller:
            return False
        self._admitted.append((now, caller))
        self._by_caller[caller] += 1
        return True

    def _forget(self, caller: str) -> None:
        self._by_caller[caller] -= 1
        if not self._by_caller[caller]:
            del self._by_caller[caller]


class Reflector:
    """Answers ``POST /probe``."""

    def __init__(self, network: "Network", limits: Limits | None = None) -> None:
        self._network = network
        self._limits = limits or Limits()
        self._window = Window(self._limits)
        self._running = 0

    def routes(self) -> "Sequence[BaseRoute]":
        """Return what an application mounts."""
        return [Route("/probe", self._answer, methods=["POST"])]

    async def _answer(self, request: Request) -> Response:
        try:
            caller = caller_of(request)
            asked = ProbeRequest.decode(await _body(request))
        except UsageError as error:
            return Response(f"{error}\n", HTTPStatus.BAD_REQUEST, media_type="text/plain")
        if self._running >= self._limits.at_once or not self._window.admits(owner_of_host(caller), self._network.now()):
            later = {"Retry-After": str(round(self._limits.seconds))}
            return Response("too many probes\n", HTTPStatus.TOO_MANY_REQUESTS, later, media_type="text/plain")
        self._running += 1
        try:
            answer = await self.probe(caller, asked)
        finally:
            self._running -= 1
        return Response(answer.encode(), media_type="application/json")

    async def probe(self, caller: str, asked: ProbeRequest) -> ProbeAnswer:
        """Connect to ``caller``, an address literal, and with a nonce ask for the proof."""
        start = self._network.now()
        matched = None
        try:
            connection = await self._network.connect(Address(caller, asked.port), asked.timeout_s)
        except NetworkError as error:
            outcome = outcome_of(error)
        else:
            outcome = Outcome.OPEN
            left = asked.timeout_s - (self._network.now() - start)
            matched = await _challenged(connection, asked.nonce, max(left, 0.1))
        return ProbeAnswer(caller, asked.port, outcome, matched, round(self._network.now() - start, 3))


async def _challenged(connection: "Connection", nonce: bytes | None, timeout: float) -> bool | None:
    """Return whether whoever was connected to knows ``nonce``, None without one; closes the connection."""
    try:
        if nonce is None:
            return None
        challenge = secrets.token_bytes(CHALLENGE_SIZE)
        async with asyncio.timeout(timeout):
            await connection.send(challenge)
            answer = await read_exactly(connection, PROOF_SIZE)
        return answer is not None and hmac.compare_digest(answer, proof(nonce, challenge))
    except (NetworkError, TimeoutError):
        return False
    finally:
        connection.close()


def caller_of(request: Request) -> str:
    """Return the address that the request came from; UsageError where that is not the caller's own."""
    if any(name in request.headers for name in FORWARDED):
        raise UsageError("the request came through a proxy; ask directly, only the caller's own address is probed")
    host = request.client.host if request.client else ""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = address.ipv4_mapped if address.version == 6 else None
        return str(mapped) if mapped else host
    raise UsageError("the request has no address that could be connected to")


async def _body(request: Request) -> bytes:
    """Read the request, in bounds of size and time."""
    body = b""
    try:
        async with asyncio.timeout(READING):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    raise UsageError(f"more than {MOST_BYTES} bytes")
    except (TimeoutError, ClientDisconnect):
        raise UsageError("the request did not come to its end") from None
    return body


def reflector_app(network: "Network", limits: Limits | None = None) -> Starlette:
    """Return an application that is a reflector and nothing else."""
    return Starlette(routes=Reflector(network, limits).routes())
