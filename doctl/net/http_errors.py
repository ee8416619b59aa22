"""What httpx raises, told as doctl's own errors."""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from doctl.endpoints import HTTP_PORT, SERVICE_PORT, Address
from doctl.errors import (
    DoctlError,
    FilteredError,
    NameLookupError,
    NetworkError,
    OriginError,
    RefusedError,
    TlsError,
    UnreachableError,
    UsageError,
)
from doctl.net.os_errors import of_look_up, of_os_error
from doctl.printable import printable
from doctl.settings import IPAddress
from doctl.wire.places import literal_of

_GONE: Final = ("disconnected", "closed connection", "incomplete chunked read")
"""What httpcore and h11 say of a connection that ended early, as opposed to one that broke the rules of HTTP."""
_PORTS: Final = {"http": HTTP_PORT, "https": SERVICE_PORT}
_MOST_LINKS: Final = 20
_PLAINEST: Final = (TlsError, RefusedError, FilteredError, UnreachableError, NameLookupError)
"""Which of several addresses' failures says most: an answer says more than silence."""


Check = Callable[[str, IPAddress], None]
"""Is told which host was dialled, and the address that answers there; raises where that may not be spoken to."""


@contextlib.contextmanager
def named(who: str, check: Check | None = None) -> Iterator[dict[str, Any]]:
    """Turn what httpx raises inside into a NetworkError of its kind, OriginError or UsageError about ``who``.

    ``who`` is the URL, fit to be shown. What is yielded goes to the request as ``extensions``: it lets the message name
    the host that was dialled where that is a proxy, and ``check`` see each new connection before anything is sent.
    """
    import httpx  # noqa: PLC0415 - loaded already by whoever makes a request

    dialled: list[Address] = []

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            dialled[:] = [Address(str(info["host"]), int(info["port"]))]
        elif event == "connection.connect_tcp.complete" and check is not None:
            await _look_at(info["return_value"], dialled[-1].host, check)

    try:
        yield {"trace": trace}
    except TimeoutError as error:
        raise FilteredError(f"{_via(who, dialled)}: no answer in time") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:  # UnicodeError: a bad xn-- name
        raise UsageError(f"{who}: not a usable URL ({printable(str(error), 100)})") from error
    except httpx.HTTPError as error:
        raise _kind(_via(who, dialled), error) from error


async def _look_at(stream: Any, host: str, check: Check) -> None:
    where = literal_of(str(stream.get_extra_info("server_addr")[0]))
    try:
        if where is not None:
            check(host, where)
    except BaseException:
        await stream.aclose()
        raise


def _via(who: str, dialled: list[Address]) -> str:
    """Return ``who``, with the host that was dialled unless ``who`` names it already."""
    return who if not dialled or dialled[-1] == _server(who) else f"{who} through {dialled[-1]}"


def _server(url: str) -> Address | None:
    try:
        parts = urlsplit(url)
        return Address(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
    except ValueError:  # what was cut to be shown may end in the port
        return None


def _kind(who: str, error: Exception) -> DoctlError:
    import httpx  # noqa: PLC0415 - see named

    text = printable(str(error), 200)
    if isinstance(error, httpx.ProxyError):
        return OriginError(f"{who}: the proxy opens no tunnel ({text})")
    if isinstance(error, httpx.PoolTimeout):
        return NetworkError(f"{who}: no connection was free in time")
    if isinstance(error, httpx.TimeoutException):
        return FilteredError(f"{who}: no answer in time")
    if isinstance(error, httpx.ProtocolError):
        if any(phrase in text for phrase in _GONE):
            return NetworkError(f"{who}: the connection ended early")
        return OriginError(f"{who}: the answer is not HTTP as it should be ({text})")
    found = [_of_cause(who, cause) for cause in _causes(error)]
    telling = sorted(found, key=lambda each: _PLAINEST.index(type(each)) if type(each) in _PLAINEST else len(_PLAINEST))
    return (
        telling[0]
        if telling
        else NetworkError(f"{who}: the connection was lost {f'({text})' if text else ''}".rstrip())
    )


def _of_cause(who: str, cause: OSError) -> NetworkError:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return TlsError(f"{who}: its certificate is not trusted ({printable(cause.verify_message, 100)})")
    if isinstance(cause, ssl.SSLError):
        return TlsError(f"{who}: no TLS there ({printable(cause.reason or 'the handshake failed', 100)})")
    if isinstance(cause, socket.gaierror):
        return of_look_up(who, cause)
    if isinstance(cause, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):  # Windows' numbers vary
        return NetworkError(f"{who}: the connection was reset")
    return of_os_error(who, cause)


def _causes(error: BaseException) -> Iterator[OSError]:
    """Yield the system's own errors behind ``error``; the general ones that libraries put in front are left out."""
    waiting: list[BaseException] = [error]
    for _ in range(_MOST_LINKS):
        if not waiting:
            return
        link = waiting.pop(0)
        if isinstance(link, OSError) and (link.errno is not None or isinstance(link, ssl.SSLError)):
            yield link
        if isinstance(link, BaseExceptionGroup):
            waiting += link.exceptions
        if (behind := link.__cause__ or link.__context__) is not None:
            waiting.append(behind)
