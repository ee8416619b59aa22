"""The system's numbers for a failed connection, told as doctl's errors."""

import errno
import socket

import pytest

from doctl.errors import FilteredError, NetworkError, RefusedError, UnreachableError
from doctl.net.os_errors import of_look_up, of_os_error


class FromWindows(OSError):
    """What asyncio raises on Windows: its own number, and an errno that says nothing."""

    def __init__(self, number: int) -> None:
        super().__init__(errno.EINVAL, "said by Windows")
        self.winerror = number


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ECONNREFUSED, ""), RefusedError),
        (OSError(errno.ETIMEDOUT, ""), FilteredError),
        (OSError(errno.EHOSTUNREACH, ""), UnreachableError),
        (OSError(errno.ENETUNREACH, ""), UnreachableError),
        (OSError(errno.ENOPROTOOPT, ""), UnreachableError),  # what ICMP protocol unreachable becomes
        (OSError(errno.EIO, ""), NetworkError),
        (FromWindows(1225), RefusedError),
        (FromWindows(121), FilteredError),
        (FromWindows(1231), UnreachableError),
        (FromWindows(1232), UnreachableError),
        (FromWindows(64), NetworkError),
    ],
)
def test_the_kind_is_told_by_the_number(error: OSError, kind: type[NetworkError]) -> None:
    """Refused, silent and unreachable are told apart, by POSIX' numbers and by those of Windows."""
    assert type(of_os_error("192.0.2.1:7680", error)) is kind


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (socket.gaierror(socket.EAI_AGAIN, ""), "h.test: no name server gave an answer"),
        (socket.gaierror(socket.EAI_NONAME, ""), "h.test: the name has no address"),
        (UnicodeError(), "h.test: a name has from 1 to 63 characters between its dots"),
    ],
)
def test_a_look_up_says_whose_fault_it_was(error: OSError | UnicodeError, says: str) -> None:
    """A name server that is not there, a name without an address and what is no name are told apart."""
    assert str(of_look_up("h.test", error)) == says
