"""Work that goes on beside other work, and no longer than that."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine


@contextlib.asynccontextmanager
async def alongside(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do ``works`` while the block runs, and no longer; an error in any ends all, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(work) for work in works]
            yield
            for task in beside:
                task.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
