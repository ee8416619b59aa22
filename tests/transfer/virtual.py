"""An event loop on which waiting takes no time: its clock jumps to the next timer when nothing else is to be done.

What is to run in a thread runs at once, in the loop's own: the clock would not wait for another.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Impatient(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(None if timeout is None else 0)
        if not ready and timeout is not None:
            self.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at 1000 s."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)
        self._clock_resolution = 1e-9  # asyncio calls early by as much; the clock of Windows goes in steps of 16 ms

    def time(self) -> float:
        """Return the seconds that would have gone by."""
        return self._impatient.now

    def run_in_executor(
        self, _executor: object, work: Callable[..., Result], *arguments: object
    ) -> asyncio.Future[Result]:
        """Do ``work`` here and now."""
        done: asyncio.Future[Result] = self.create_future()
        try:
            done.set_result(work(*arguments))
        except Exception as error:  # it is raised where the result is awaited
            done.set_exception(error)
        return done


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run ``work`` on such a loop, as ``asyncio.run`` does on a real one."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
