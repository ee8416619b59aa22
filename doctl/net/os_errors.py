"""What the system says when a connection or a look-up of a name fails, told as doctl's own errors."""

import errno
import os
import socket
from typing import Final

from doctl.errors import FilteredError, NameLookupError, NetworkError, RefusedError, UnreachableError


def _numbers(*names: str) -> frozenset[int]:
    """Return the numbers of those of ``names`` that this system has."""
    return frozenset(getattr(errno, name) for name in names if hasattr(errno, name))


# Windows answers what its completion ports began with numbers of its own: 1225 refused, 121 no answer, 1231 and 1232 no
# way to the network and the host (System Error Codes)
REFUSED: Final = _numbers("ECONNREFUSED", "WSAECONNREFUSED") | {1225}
SILENT: Final = _numbers("ETIMEDOUT", "WSAETIMEDOUT") | {121}
UNREACHABLE: Final = _numbers(
    *("EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "ENOPROTOOPT", "EACCES", "EPERM"),
    *("WSAEHOSTUNREACH", "WSAENETUNREACH"),
) | {1231, 1232}


def of_os_error(what: str, error: OSError) -> NetworkError:
    """Return the NetworkError of the kind that ``error`` about ``what`` is."""
    codes = {error.errno, getattr(error, "winerror", None)}
    if isinstance(error, TimeoutError) or codes & SILENT:
        return FilteredError(f"{what}: no answer in time")
    if isinstance(error, ConnectionRefusedError) or codes & REFUSED:
        return RefusedError(f"{what}: connection refused")
    kind = UnreachableError if codes & UNREACHABLE else NetworkError
    return kind(f"{what}: {_text(error)}")


def of_look_up(what: str, error: OSError | UnicodeError) -> NameLookupError:
    """Return what became of looking up the name in ``what``; a name that is none never came to a name server."""
    if isinstance(error, UnicodeError):
        return NameLookupError(f"{what}: a name has from 1 to 63 characters between its dots")
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return NameLookupError(f"{what}: no name server gave an answer")
    return NameLookupError(f"{what}: the name has no address")


def _text(error: OSError) -> str:
    """Return the system's own words; asyncio puts others in their place, and Windows has words only in the error."""
    if os.name == "posix" and error.errno is not None:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__
