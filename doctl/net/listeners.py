"""Who listens on a TCP port of this machine."""

import ipaddress
from dataclasses import dataclass

from doctl.errors import LocalError
from doctl.net.threads import uninterruptible
from doctl.printable import printable

MOST = 64
"""How many listeners on one port are worth telling apart."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One listening socket: ``address`` as bound (``0.0.0.0`` and ``::`` mean every one).

    ``pid`` and ``process`` are None where the system does not say, which without an administrator's rights is usual.
    """

    address: str
    pid: int | None = None
    process: str | None = None

    @property
    def loopback_only(self) -> bool:
        """Whether nobody outside this machine can reach it."""
        return ipaddress.ip_address(self.address.partition("%")[0]).is_loopback


async def read(port: int, timeout: float) -> list[Listening]:
    """Return who listens on TCP ``port``; LocalError where the system does not tell within ``timeout`` seconds."""
    try:
        return await uninterruptible(lambda: _read(port), timeout)
    except TimeoutError:
        raise LocalError(f"the list of listening sockets was not ready within {timeout:g} s") from None


def _read(port: int) -> list[Listening]:
    import psutil  # noqa: PLC0415 - only checks need it

    try:
        sockets = psutil.net_connections("tcp")
    except (psutil.Error, OSError, RuntimeError) as error:
        raise LocalError(f"the list of listening sockets cannot be read: {error}") from error
    listening = [(s.laddr, s.pid) for s in sockets if s.status == psutil.CONN_LISTEN]
    # process 0 is nobody's: Windows gives it where it does not tell, as Wine always does
    found = {(local.ip, pid or None) for local, pid in listening if local and local.port == port}
    ordered = sorted(found, key=lambda entry: (entry[0], entry[1] or 0))
    return [Listening(address, pid, _name(pid)) for address, pid in ordered[:MOST]]


def _name(pid: int | None) -> str | None:
    import psutil  # noqa: PLC0415 - only checks need it

    if pid is None:
        return None
    try:
        return printable(psutil.Process(pid).name(), 64)
    except (psutil.Error, OSError):
        return None
