"""Every exception of doctl, in one tree named by whose fault it is.

::

    DoctlError
    ├── UsageError              the caller asked for something that makes no sense (exit 2)
    ├── LocalError              this machine cannot do it: disk full, no rights, file in the way
    │   └── MissingExtraError   an optional part of doctl is not installed
    ├── NetworkError            nothing, or nothing usable, came back
    │   ├── NameLookupError     the name has no address
    │   ├── RefusedError        the host answered, nobody listens
    │   ├── FilteredError       nothing answered in time
    │   ├── UnreachableError    the network says there is no way
    │   └── TlsError            no TLS: the certificate is not trusted, or the two have nothing in common
    ├── RemoteError             the other side broke a rule
    │   ├── ProtocolError       a peer's bytes are not the MS-DO protocol, or come out of turn
    │   ├── OriginError         an HTTP server answered with something unusable
    │   │   └── BusyError       it says itself that asking again later may help
    │   └── ServiceError        the coordination service answered with something unusable
    └── ContentError            the bytes, or what describes them, are not right
        └── HashFileError       a pieces hash file cannot be used

A message is one line for an administrator: what was wrong and, where it is known, what would be right.
"""


class DoctlError(Exception):
    """Anything doctl reports as one line instead of a traceback."""


class UsageError(DoctlError):
    """The caller asked for something that makes no sense; the message says what would."""


class LocalError(DoctlError):
    """This machine cannot do it: disk full, no rights, a file in the way."""


class MissingExtraError(LocalError):
    """An optional part of doctl is not installed; the message names the extra."""


class NetworkError(DoctlError):
    """Nothing, or nothing usable, came back from the network."""


class NameLookupError(NetworkError):
    """A host name has no address."""


class RefusedError(NetworkError):
    """The host answered that nobody listens there."""


class FilteredError(NetworkError):
    """Nothing answered in time."""


class UnreachableError(NetworkError):
    """The network itself says there is no way to the host."""


class TlsError(NetworkError):
    """No TLS came about: the certificate is not trusted, or the two sides have nothing in common."""


class RemoteError(DoctlError):
    """The other side broke a rule."""


class ProtocolError(RemoteError):
    """A byte stream is not the MS-DO protocol, or a message comes out of turn.

    ``fault`` is "remote" for what a peer sent and "local" for what doctl was asked to send.
    """

    def __init__(self, message: str, *, fault: str = "remote") -> None:
        super().__init__(message)
        self.fault = fault


class OriginError(RemoteError):
    """An HTTP server answered with something unusable; ``status`` is a refusal's, else None."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class BusyError(OriginError):
    """An HTTP server cannot answer now and may later; ``wait`` is the seconds it asks for, None where it names none."""

    def __init__(self, message: str, *, wait: float | None = None, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.wait = wait


class ServiceError(RemoteError):
    """The coordination service answered with something unusable; ``reason`` is one word for programs.

    ``wait`` is the seconds that it asks to be left alone for, None where it names none.
    """

    def __init__(self, message: str, *, reason: str = "unusable", wait: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.wait = wait


class ContentError(DoctlError):
    """The bytes, or what describes them, are not right."""


class HashFileError(ContentError):
    """A pieces hash file cannot be used."""
