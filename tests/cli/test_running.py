"""Asyncio is started in one place, so that every command has the loop whose look-ups hold up no end."""

import asyncio
import gc
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import doctl
from doctl.cli.running import run
from doctl.net.loop import Loop

PACKAGE = Path(doctl.__file__).parent


def test_asyncio_is_started_in_one_place() -> None:
    """No module but ``doctl.cli.running`` makes a loop."""
    start = re.compile(r"asyncio\.(run|Runner)\(")
    found = [path.name for path in PACKAGE.rglob("*.py") if start.search(path.read_text(encoding="utf-8"))]
    assert found == ["running.py"]


def test_what_runs_has_the_loop_that_looks_names_up() -> None:
    """The loop is doctl's own, and finds what the system finds."""

    async def look() -> object:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        return await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    assert run(look()) == socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)


def test_garbage_is_collected_while_there_is_work() -> None:
    """The start goes without; from then on what is left in cycles is found as ever."""

    async def look() -> bool:
        return gc.isenabled()

    gc.disable()
    try:
        assert run(look())
    finally:
        gc.unfreeze()
        gc.enable()


@pytest.mark.parametrize(("host", "port", "error"), [("a..b", 80, UnicodeError), ("127.0.0.1", 1 << 70, OverflowError)])
def test_what_is_no_name_or_port_is_raised_and_not_lost(host: str, port: int, error: type[Exception]) -> None:
    """A look-up that the system does not even begin raises what it raises there, and does not wait for ever."""

    async def look() -> None:
        async with asyncio.timeout(30):
            await asyncio.get_running_loop().getaddrinfo(host, port)

    with pytest.raises(error):
        run(look())


INTERRUPTED = """
import asyncio, signal
from doctl.cli.running import run

async def main():
    signal.raise_signal(signal.SIGINT)
    try:
        await asyncio.Event().wait()
    finally:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0)
        print("tidied up")

try:
    run(main())
except KeyboardInterrupt:
    print("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


def test_one_interruption_is_enough() -> None:
    """A second Ctrl-C does not disturb what the first has brought about, nor is it raised where nobody can catch it."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("tidied up\ninterrupted True\n", "")
