"""The reflector: it connects to whoever asks and nobody else, within its limits, and believes no header."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from doctl.coordination.reflector import Limits, Window, reflector_app
from doctl.endpoints import Address
from doctl.errors import FilteredError, RefusedError, UnreachableError
from doctl.net.base import Network
from doctl.net.fake import FakeConnection, FakeNetwork
from doctl.net.system import SystemNetwork
from doctl.wire.reflection import CHALLENGE_SIZE, proof

CALLER = "192.0.2.7"
NONCE = "00112233445566778899aabbccddeeff"


def post(network: Network, *requests: Any, caller: str = CALLER, limits: Limits | None = None) -> list[httpx.Response]:
    """Send requests to a reflector, one after the other, each as (body, headers) or a body alone."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(reflector_app(network, limits), client=(caller, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://reflector.example") as client:
            pairs = [one if isinstance(one, tuple) else (one, {}) for one in requests]
            return [await client.post("/probe", content=body, headers=headers) for body, headers in pairs]

    return asyncio.run(run())


def dialled(network: FakeNetwork) -> list[str]:
    """Return where the reflector connected to."""
    return [asked.removeprefix("connect ") for asked in network.asked if asked.startswith("connect ")]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (FakeConnection(Address(CALLER, 7680)), "open"),
        (RefusedError("no"), "refused"),
        (FilteredError("no"), "filtered"),
        (UnreachableError("no"), "unreachable"),
    ],
)
def test_outcomes(answer: Any, outcome: str) -> None:
    """Open, refused, filtered and unreachable are told apart, with the caller's address; nothing else is dialled."""
    network = FakeNetwork(hosts={Address(CALLER, 7680): answer})
    [response] = post(network, b"{}")
    assert response.status_code == 200
    assert response.json() == {
        "address": CALLER,
        "port": 7680,
        "outcome": outcome,
        "nonce_matched": None,
        "duration_s": 0.0,
    }
    assert dialled(network) == [f"{CALLER}:7680"]


def test_without_a_nonce_nothing_is_sent() -> None:
    """A service that listens is connected to and hears nothing."""
    connection = FakeConnection(Address(CALLER, 7680))
    post(FakeNetwork(hosts={Address(CALLER, 7680): connection}), b"{}")
    assert not connection.sent
    assert connection.closed


@pytest.mark.parametrize(
    "body",
    [
        b'{"port": 7680, "address": "198.51.100.1", "host": "198.51.100.1", "ip": "198.51.100.1"}',
        b'{"port": 7680, "nonce": null, "target": "198.51.100.1:7680", "url": "http://198.51.100.1"}',
    ],
)
def test_an_address_in_the_body_is_not_looked_at(body: bytes) -> None:
    """Whatever the body names, only the caller's own address is dialled."""
    network = FakeNetwork()
    [response] = post(network, body)
    assert response.status_code == 200
    assert dialled(network) == [f"{CALLER}:7680"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_a_request_through_a_proxy_is_refused(header: str) -> None:
    """An address in a header is not believed, and the proxy's own is not the caller's: nobody is dialled."""
    network = FakeNetwork()
    [response] = post(network, (b"{}", {header: "for=198.51.100.1"}))
    assert response.status_code == 400
    assert "proxy" in response.text
    assert dialled(network) == []


@pytest.mark.parametrize(
    ("caller", "address"),
    [("::ffff:192.0.2.7", "192.0.2.7:7680"), ("2001:db8::7", "[2001:db8::7]:7680")],
)
def test_ipv6_and_mapped_callers(caller: str, address: str) -> None:
    """A caller over IPv6 is dialled over IPv6; an IPv4 caller on a dual-stack socket over IPv4."""
    network = FakeNetwork()
    post(network, b"{}", caller=caller)
    assert dialled(network) == [address]


@pytest.mark.parametrize("caller", ["", "somewhere.example"])
def test_a_caller_without_an_address_is_refused(caller: str) -> None:
    """What is no address literal is not dialled and not looked up."""
    network = FakeNetwork()
    [response] = post(network, b"{}", caller=caller)
    assert response.status_code == 400
    assert network.asked == []


BAD = [
    b"",
    b"[]",
    b"null",
    b"{",
    b'{"port": 22}',
    b'{"port": 443}',
    b'{"port": 0}',
    b'{"port": 65536}',
    b'{"port": "7680"}',
    b'{"port": true}',
    b'{"port": 7680.0}',
    b'{"nonce": "00"}',
    b'{"nonce": 17}',
    b'{"nonce": "zz"}',
    b'{"timeout_s": "1"}',
    b'{"timeout_s": NaN}',
    b'{"timeout_s": 1e999}',
    b'{"timeout_s": ' + b"9" * 500 + b"}",
    b"[" * 1000,
    b" " * 5000 + b"{}",
]


@pytest.mark.parametrize("body", BAD)
def test_bad_requests_dial_nobody(body: bytes) -> None:
    """Other ports, odd nonces and times, no JSON and too much of it: 400, and nothing is dialled."""
    network = FakeNetwork()
    [response] = post(network, body)
    assert response.status_code == 400
    assert network.asked == []


def test_other_ports_without_rights_are_allowed() -> None:
    """A port from 1024 up may be asked for, since a listener in a test cannot always have 7680."""
    network = FakeNetwork()
    post(network, b'{"port": 8080}')
    assert dialled(network) == [f"{CALLER}:8080"]


def test_limits_for_one_caller_and_for_all() -> None:
    """Past its share a caller is told to come back; others are not, until all together have had theirs."""
    network = FakeNetwork()
    answers = post(network, *[b"{}"] * 4, limits=Limits(per_caller=3, in_total=5, seconds=60))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert len(dialled(network)) == 3


def test_the_window_moves_and_forgets() -> None:
    """Room comes back when the window has moved on, and nothing is kept of those who left it."""
    window = Window(Limits(per_caller=2, in_total=3, seconds=10))
    assert [window.admits(who, now) for who, now in (("a", 0), ("a", 1), ("a", 2), ("b", 2), ("c", 3))] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert window.admits("c", 10)
    assert window.admits("a", 11)
    assert not window.admits("d", 11)
    assert window.admits("d", 100)


@contextlib.asynccontextmanager
async def proving(nonce: bytes) -> AsyncIterator[int]:
    """Listen on loopback and answer a challenge with ``nonce``; yield the port."""

    async def prove(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(proof(nonce, await reader.readexactly(CHALLENGE_SIZE)))
        writer.close()

    async with await asyncio.start_server(prove, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(("nonce", "matched"), [(NONCE, True), (NONCE[::-1], False)])
def test_the_proof_over_a_real_connection(nonce: str, matched: bool) -> None:
    """Whoever knows the nonce matches; whoever answers with another one does not."""

    async def run() -> Any:
        transport = httpx.ASGITransport(reflector_app(SystemNetwork()), client=("127.0.0.1", 50000))
        async with (
            proving(bytes.fromhex(NONCE)) as port,
            httpx.AsyncClient(transport=transport, base_url="http://reflector.example") as client,
        ):
            body = json.dumps({"port": port, "nonce": nonce, "timeout_s": 5})
            return (await client.post("/probe", content=body)).json()

    told = asyncio.run(run())
    assert (told["outcome"], told["nonce_matched"]) == ("open", matched)


@pytest.mark.parametrize(
    "answers", [FakeConnection(Address(CALLER, 7680), b"short"), FakeConnection(Address(CALLER, 7680), closes=False)]
)
def test_no_proof_is_no_match(answers: FakeConnection) -> None:
    """Somebody who closes early or stays silent does not match, and the reflector does not wait for long."""
    network = FakeNetwork(hosts={Address(CALLER, 7680): answers})
    [response] = post(network, json.dumps({"nonce": NONCE, "timeout_s": 0.2}).encode())
    assert response.json()["nonce_matched"] is False
    assert len(answers.sent) == CHALLENGE_SIZE
    assert answers.closed


def test_other_paths_and_methods_are_not_there() -> None:
    """Only ``POST /probe`` is answered."""

    async def run() -> list[int]:
        transport = httpx.ASGITransport(reflector_app(FakeNetwork()), client=(CALLER, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://reflector.example") as client:
            return [(await client.get("/probe")).status_code, (await client.post("/")).status_code]

    assert asyncio.run(run()) == [405, 404]
