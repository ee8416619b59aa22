"""Runs what is asynchronous to its end, on doctl's own event loop; asyncio is started here alone."""

import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Return what ``main`` returns; Ctrl-C cancels it, as with ``asyncio.run``."""
    import asyncio

    from doctl.net.loop import Loop

    if not gc.isenabled():  # what is loaded by now stays
        gc.freeze()
        gc.enable()
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)
