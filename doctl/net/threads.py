"""System calls that cannot be interrupted, in threads that hold up nobody's end."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from doctl.errors import DoctlError

Result = TypeVar("Result")
Failure = DoctlError | OSError | ValueError | OverflowError
"""What is handed on: doctl's own errors, and what the system's calls raise, for bad names and ports too."""


async def uninterruptible(call: Callable[[], Result], timeout: float | None = None) -> Result:
    """Return what ``call`` returns, or raise the error it raises; TimeoutError after ``timeout`` seconds.

    The thread is a daemon: one that hangs is left behind, and the program still ends.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result | Failure] = loop.create_future()

    def settle(result: Result | Failure) -> None:
        if not done.done():
            done.set_result(result)

    def work() -> None:
        result: Result | Failure
        try:
            result = call()
        except (DoctlError, OSError, ValueError, OverflowError) as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, daemon=True).start()
    async with asyncio.timeout(timeout):
        result = await done
    if isinstance(result, Failure):
        raise result
    return result
