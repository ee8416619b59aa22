"""Runs the system's own tools and takes what they say: bounded in time and in bytes, in plain English."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from doctl.errors import LocalError

PLACES: Final = ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/libexec")
"""Where administrators' tools are, on systems that have such folders; looked at before the PATH."""
MOST: Final = 8 << 20
"""Bytes of output that are read; a tool that says more is ended."""

ROOM: Final = 1 << 20
"""Bytes that a pipe can still bring after the last of them that is read."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a program said, as text, and its exit code."""

    code: int
    output: str
    errors: str


def find(program: str) -> str | None:
    """Return the path of ``program``, or None where this system has none.

    On Windows a bare name is looked for where Windows keeps its own tools and nowhere else: a search would begin in the
    current folder, where anybody may have put something of that name.
    """
    if os.name == "nt" and Path(program).name == program:
        system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32"
        candidates = (folder / f"{program}.exe" for folder in (system, system / "WindowsPowerShell" / "v1.0"))
        return next((str(path) for path in candidates if path.is_file()), None)
    return shutil.which(program, path=os.pathsep.join([*PLACES, os.environ.get("PATH", "")]))


async def ask(argv: Sequence[str], timeout: float, most: int = MOST, given: bytes = b"") -> Said:
    """Run ``argv`` to its end and return what it said; its input is ``given`` and its language English.

    LocalError where there is no such program, where it takes longer than ``timeout`` seconds, and where it says more
    than ``most`` bytes.
    """
    path = find(argv[0])
    if path is None:
        raise LocalError(f"there is no program {argv[0]} here")
    try:
        async with asyncio.timeout(timeout):
            return await _run([path, *argv[1:]], most, given)
    except TimeoutError:
        raise LocalError(f"{argv[0]} did not answer within {timeout:g} s") from None
    except OSError as error:
        raise LocalError(f"{argv[0]} cannot be run: {error.strerror}") from error


async def _run(argv: Sequence[str], most: int, given: bytes) -> Said:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env={**os.environ, "LC_ALL": "C", "LANG": "C"},
        start_new_session=True,  # so that what it starts itself can be ended with it
        limit=max(most, ROOM),  # no more than this is left unread: a pipe that asyncio rests from reading never ends
    )
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise LocalError(f"{argv[0]}: no pipe to it")
    try:
        output, errors, _ = await asyncio.gather(
            _read(process.stdout, most, argv[0]), _read(process.stderr, most, argv[0]), _give(process.stdin, given)
        )
        return Said(await process.wait(), _text(output), _text(errors))
    finally:
        _end(process)
        await process.wait()


def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


async def _give(stream: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # it ended without reading everything
        stream.write(data)
        await stream.drain()
        stream.close()
        await stream.wait_closed()


async def _read(stream: asyncio.StreamReader, most: int, program: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := await stream.read(1 << 16):
        size += len(part)
        if size > most:
            raise LocalError(f"{program} said more than {most} bytes")
        parts.append(part)
    return b"".join(parts)


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig", "replace")
