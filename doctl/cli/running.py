"""Runs what is asynchronous to its end, on doctl's own event loop; asyncio is started here alone."""

import gc
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Return what ``main`` returns; Ctrl-C cancels it, as with ``asyncio.run``, and once is enough."""
    import asyncio

    from doctl.net.loop import Loop

    if not gc.isenabled():  # what is loaded by now stays
        gc.freeze()
        gc.enable()
    interruption = _Interruption()
    usual = signal.signal(signal.SIGINT, interruption)
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            return runner.run(interruption.watch(main))
    except asyncio.CancelledError:
        if not interruption.came:
            raise
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, usual)


class _Interruption:
    """Cancels what it watches at the first Ctrl-C. Those that come while that ends change nothing.

    asyncio's own way is to raise them wherever Python is: often where nobody can catch it, so that there is a
    traceback, and in the middle of what brings the end about.
    """

    def __init__(self) -> None:
        self.came = False
        self._task: asyncio.Task[Any] | None = None

    async def watch(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Do ``main``."""
        import asyncio

        self._task = asyncio.current_task()
        return await main

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Take a Ctrl-C."""
        if self.came:
            return
        if self._task is None or self._task.done():
            raise KeyboardInterrupt
        self.came = True
        self._task.cancel()
        self._task.get_loop().call_soon_threadsafe(lambda: None)  # which wakes the loop
