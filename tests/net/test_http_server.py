"""The HTTP server: its end with the program that it is part of, and clients that want too much of it."""

import asyncio
import contextlib
import signal
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.server import ServerState

from doctl.endpoints import Address
from doctl.errors import NetworkError
from doctl.net.http_server import MOST_AHEAD, Bounded, serve_http
from doctl.net.system import SystemNetwork


def test_cancelled_it_leaves_nothing_open() -> None:
    """Cancelled, it closes connections that are idle and frees its port; where it is not alone it takes no signals."""

    async def main() -> None:
        network = SystemNetwork()
        place: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
        usual = signal.getsignal(signal.SIGINT)
        serving = asyncio.create_task(
            serve_http(Starlette(), Address("127.0.0.1", 0), None, place.set_result, alone=False)
        )
        async with asyncio.timeout(30):
            connection = await network.connect(await place, 5)
            assert signal.getsignal(signal.SIGINT) is usual
            await connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await connection.receive_into(memoryview(bytearray(4096)))
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            with contextlib.suppress(NetworkError):  # the end, or a reset, each is one
                while await connection.receive_into(memoryview(bytearray(4096))):
                    pass
        connection.close()
        (await network.listen(place.result())).close()

    asyncio.run(main())


async def _ends(guest: Bounded, sent: bytes) -> int:
    """Give ``guest`` a client that sends ``sent`` and takes nothing until it is closed; return how much there was."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    with theirs:
        async with asyncio.timeout(60):
            await loop.connect_accepted_socket(lambda: guest, ours)
            await loop.sock_sendall(theirs, sent)
            await guest.gone.wait()
        return len(await loop.sock_recv(theirs, 1 << 24))


def _guest(answer: bytes) -> Bounded:
    async def page(_request: object) -> Response:
        return Response(answer)

    config = uvicorn.Config(Starlette(routes=[Route("/", page)]), lifespan="off", log_config=None)
    config.load()
    guest = Bounded(config=config, server_state=ServerState(), app_state={})
    guest.gone = asyncio.Event()
    return guest


def test_an_answer_is_not_kept_for_who_does_not_take_it() -> None:
    """Who asks for much and reads nothing is cut off after a while."""

    async def main() -> None:
        guest = _guest(bytes(8 << 20))
        guest.taking = 0.05
        assert await _ends(guest, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") < 8 << 20

    asyncio.run(main())


def test_requests_ahead_of_answers_are_bounded() -> None:
    """Who sends request after request without waiting for an answer is cut off, and few of them are remembered."""

    async def main() -> None:
        guest = _guest(b"x")
        await _ends(guest, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        assert MOST_AHEAD < len(guest.pipeline) < 1000

    asyncio.run(main())
