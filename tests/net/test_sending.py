"""Stretches of files over real sockets: sent in the kernel where that can be, whole and in order however it is."""

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import pytest

from doctl.endpoints import Address
from doctl.errors import LocalError, NetworkError
from doctl.net.system import SystemConnection, SystemNetwork

HERE = Address("127.0.0.1", 0)
MANY = 16 << 20
"""Bytes, more than the sockets of any system take before somebody reads."""


@contextlib.asynccontextmanager
async def pair() -> AsyncIterator[tuple[SystemConnection, SystemConnection]]:
    """Connect two sockets."""
    network = SystemNetwork()
    listener = await network.listen(HERE)
    async with asyncio.timeout(30):
        one, other = await asyncio.gather(network.connect(listener.address, 5), listener.accept())
        listener.close()
        try:
            yield one, other
        finally:
            one.close()
            other.close()


async def all_of(connection: SystemConnection, count: int) -> bytes:
    """Read so many bytes."""
    data = memoryview(bytearray(count))
    filled = 0
    while filled < count and (got := await connection.receive_into(data[filled:])):
        filled += got
    return bytes(data[:filled])


def test_a_stretch_follows_its_head(tmp_path: Path) -> None:
    """Head and stretch arrive whole and in order, also where the reader begins only when the socket is full."""
    content = random.Random(1).randbytes(MANY + 20)
    (tmp_path / "file").write_bytes(content)

    async def scenario() -> bytes:
        async with pair() as (sender, receiver):
            with (tmp_path / "file").open("rb") as file:
                sending = asyncio.create_task(sender.send_file(file, 7, MANY, b"head"))
                done, _ = await asyncio.wait([sending], timeout=0.05)
                assert not done
                came = await all_of(receiver, 4 + MANY)
                await sending
        return came

    assert asyncio.run(scenario()) == b"head" + content[7 : 7 + MANY]


def test_a_file_that_became_shorter_is_said(tmp_path: Path) -> None:
    """Where a stretch ends early, the error counts the bytes that are missing."""
    (tmp_path / "file").write_bytes(bytes(100))

    async def scenario() -> None:
        async with pair() as (sender, _receiver):
            with (tmp_path / "file").open("rb") as file, pytest.raises(LocalError, match="ends 30 bytes early"):
                await sender.send_file(file, 60, 70)

    asyncio.run(scenario())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file is known that cannot be sent in the kernel")
def test_a_file_system_without_sendfile_is_copied() -> None:
    """What the kernel refuses to send from one file to a socket arrives all the same."""
    content = Path("/proc/self/cmdline").read_bytes()

    async def scenario(file: BinaryIO) -> bytes:
        async with pair() as (sender, receiver):
            await sender.send_file(file, 1, len(content) - 1, b"h")
            return await all_of(receiver, len(content))

    with Path("/proc/self/cmdline").open("rb") as file:
        assert asyncio.run(scenario(file)) == b"h" + content[1:]


def test_who_hangs_up_ends_the_sending(tmp_path: Path) -> None:
    """A reader that goes while a stretch waits for room is an error of the network, and nothing waits for ever."""
    (tmp_path / "file").write_bytes(bytes(MANY))

    async def scenario() -> None:
        async with pair() as (sender, receiver):
            with (tmp_path / "file").open("rb") as file:
                sending = asyncio.create_task(sender.send_file(file, 0, MANY))
                await asyncio.wait([sending], timeout=0.05)
                receiver.close()
                with pytest.raises(NetworkError):
                    await sending

    asyncio.run(scenario())
