"""System calls that cannot be interrupted, in threads that hold up nobody's end."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from doctl.errors import DoctlError

Result = TypeVar("Result")


async def uninterruptible(call: Callable[[], Result], timeout: float) -> Result:
    """Return what ``call`` returns, or raise the DoctlError it raises; TimeoutError after ``timeout`` seconds.

    The thread is a daemon: one that hangs is left behind, and the program still ends.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result | DoctlError] = loop.create_future()

    def settle(result: Result | DoctlError) -> None:
        if not done.done():
            done.set_result(result)

    def work() -> None:
        result: Result | DoctlError
        try:
            result = call()
        except DoctlError as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=work, daemon=True).start()
    async with asyncio.timeout(timeout):
        result = await done
    if isinstance(result, DoctlError):
        raise result
    return result
