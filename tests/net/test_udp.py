"""UDP sockets of the real system."""

import asyncio
import sys
import time

import pytest

from doctl.endpoints import Address
from doctl.errors import LocalError, RefusedError
from doctl.net.system import SystemNetwork

HERE = Address("127.0.0.1", 0)


def test_datagrams_go_there_and_back() -> None:
    """What is sent arrives whole, with its sender."""

    async def scenario() -> tuple[bytes, Address, Address]:
        network = SystemNetwork()
        async with await network.datagrams(HERE) as one, await network.datagrams(HERE) as other, asyncio.timeout(30):
            await one.send(b"hello", other.local)
            return *await other.receive(), one.local

    data, sender, expected = asyncio.run(scenario())
    assert (data, sender) == (b"hello", expected)


@pytest.mark.skipif(sys.platform != "linux", reason="each system has its own way; the others were not tried")
def test_a_closed_port_is_told_once_and_the_socket_lives_on() -> None:
    """That nobody listens is raised, then forgotten: the next wait is a real wait, and later datagrams arrive."""

    async def scenario() -> bytes:
        network = SystemNetwork()
        async with await network.datagrams(HERE) as closed:
            nobody = closed.local
        async with await network.datagrams(HERE) as one, asyncio.timeout(30):
            await one.send(b"x", nobody)
            with pytest.raises(RefusedError):
                await one.receive()
            waiting, used = asyncio.create_task(one.receive()), time.process_time()
            await asyncio.wait([waiting], timeout=0.4)
            assert time.process_time() - used < 0.2, "the loop ran hot: the error is still in its queue"
            await one.send(b"later", one.local)
            return (await waiting)[0]

    assert asyncio.run(scenario()) == b"later"


def test_a_port_that_is_taken_cannot_be_bound() -> None:
    """The message names the address."""

    async def scenario() -> None:
        network = SystemNetwork()
        async with await network.datagrams(HERE) as taken:
            with pytest.raises(LocalError, match=str(taken.local)):
                await network.datagrams(taken.local)

    asyncio.run(scenario())
