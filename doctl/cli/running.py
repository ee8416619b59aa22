"""Runs what is asynchronous to its end, on doctl's own event loop; asyncio is started here alone."""

from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Return what ``main`` returns; Ctrl-C cancels it, as with ``asyncio.run``."""
    import asyncio  # noqa: PLC0415 - a command's --help needs no network, and this is a fifth of its time

    from doctl.net.loop import Loop  # noqa: PLC0415

    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)
