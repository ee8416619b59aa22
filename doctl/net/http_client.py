"""The one place where the HTTP client is made; changing the library means changing this."""

import functools
import ssl
import sys
import urllib.request
from types import ModuleType
from typing import TYPE_CHECKING, Final, cast

from doctl.errors import UsageError
from doctl.net.proxies.address import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from doctl.net.slots import Slots

USER_AGENT: Final = "doctl"
KEPT_FOR: Final = 60.0
"""Seconds that an idle connection is kept; nginx closes after 75, a new one costs several round trips."""

READ_SIZE: Final = 256 * 1024
"""Bytes asked of a connection at once: what asyncio itself reads at most.

httpcore asks for 64 KiB and has no parameter for it, so each read of asyncio is cut into four, with copies. Measured on
a download of 1 GiB over loopback with hashing and writing: 5.0 CPU seconds before, 4.1 after.
"""


def make_client(
    trust: ssl.SSLContext,
    *,
    proxy: str | None,
    direct: bool,
    timeout: float,
    connections: int,
    bulk: bool = False,
    slots: "Slots | None" = None,
) -> "httpx.AsyncClient":
    """Make the client that ``Network.http`` describes; UsageError for a proxy that cannot be used.

    With ``slots`` each request takes one of them.

    HTTP/1.1 only: several ranges at once are worth having because each has a connection of its own.
    """
    import httpcore  # noqa: PLC0415 - most commands need no HTTP, and it is slow to load

    # httpx loads a command line of its own where click and rich are there: 40 of the 70 ms that it takes to load
    sys.modules.setdefault("httpx._main", cast("ModuleType", None))
    import httpx  # noqa: PLC0415 - as httpcore

    httpcore.AsyncHTTP11Connection.READ_NUM_BYTES = READ_SIZE
    if proxy is None and not direct:
        for scheme in ("http", "https", "all"):
            _usable(urllib.request.getproxies().get(scheme, ""), f"the proxy set for {scheme} in the environment")
    try:
        return _client_class(slots)(
            verify=trust,
            proxy=None if proxy is None else _usable(proxy, "the proxy"),
            trust_env=not direct and proxy is None,
            mounts=_mounts(connections) if bulk and _no_proxy(proxy, direct) else None,
            follow_redirects=False,
            timeout=httpx.Timeout(timeout),
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEPT_FOR
            ),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        )
    except httpx.InvalidURL as error:
        raise UsageError(
            f"NO_PROXY in the environment is not usable: {error}; write hosts with commas between"
        ) from None


def _no_proxy(proxy: str | None, direct: bool) -> bool:
    """Whether no proxy can come in the way of plain HTTP."""
    return proxy is None and (direct or not {"http", "all"} & urllib.request.getproxies().keys())


def _mounts(connections: int) -> "Mapping[str, httpx.AsyncBaseTransport]":
    from doctl.net.bulk_http import BulkTransport  # noqa: PLC0415 - loads httpx

    return {"http://": BulkTransport(connections, KEPT_FOR)}


def _client_class(slots: "Slots | None") -> "Callable[..., httpx.AsyncClient]":
    if slots is None:
        from httpx import AsyncClient  # noqa: PLC0415 - see make_client

        return AsyncClient
    from doctl.net.limited_client import LimitedClient  # noqa: PLC0415 - loads httpx

    return functools.partial(LimitedClient, slots)


def _usable(text: str, whose: str) -> str:
    """Return the URL of a proxy as the library wants it; UsageError when it is none that it can use."""
    if not text:
        return text
    try:
        proxy = Proxy.parse(text)
    except UsageError as error:
        raise UsageError(f"{whose} is not usable: {error}") from None
    if proxy.scheme not in ("http", "https"):
        raise UsageError(f"{whose}, {proxy}, is not usable: SOCKS is not supported, name an http:// proxy")
    return proxy.url
