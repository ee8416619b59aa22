"""The HTTP client whose requests count against a limit of open connections."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from doctl.net.slots import Slots


class LimitedClient(httpx.AsyncClient):
    """An ``httpx.AsyncClient`` that takes a slot for each request, from before it connects until its answer is closed.

    Waiting for a slot does not count against the request's own timeouts.
    """

    def __init__(self, slots: Slots, **options: Any) -> None:
        super().__init__(**options)
        self._slots = slots

    async def send(self, request: httpx.Request, *, stream: bool = False, **options: Any) -> httpx.Response:
        """Send ``request`` as ``httpx.AsyncClient.send`` does, once there is a slot for it."""
        give_back = await self._slots.take()
        try:
            response = await super().send(request, stream=stream, **options)
        except BaseException:
            give_back()
            raise
        if not stream:
            give_back()
        elif isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Held(response.stream, give_back)
        return response


class _Held(httpx.AsyncByteStream):
    """The body of an answer; its end gives the slot back."""

    def __init__(self, body: httpx.AsyncByteStream, give_back: Callable[[], None]) -> None:
        self._body = body
        self._give_back = give_back

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        """Close the body."""
        try:
            await self._body.aclose()
        finally:
            self._give_back()
