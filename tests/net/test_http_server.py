"""The HTTP server that is part of another program's run ends with it."""

import asyncio
import contextlib
import signal

from starlette.applications import Starlette

from doctl.endpoints import Address
from doctl.errors import NetworkError
from doctl.net.http_server import serve_http
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
