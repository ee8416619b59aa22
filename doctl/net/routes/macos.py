"""The way to an address as macOS would choose it, by ``route -n get``."""

import re
from typing import Final

from doctl.errors import LocalError, UnreachableError
from doctl.net import programs
from doctl.net.routes import Route
from doctl.printable import printable

_ADAPTER: Final = re.compile(r"^\s*interface: (\S{1,100})$", re.MULTILINE)
_FLAGS: Final = re.compile(r"^\s*flags: <([A-Z0-9_,]{0,300})>$", re.MULTILINE)
_NOWHERE: Final = frozenset({"REJECT", "BLACKHOLE"})


async def route(address: str, timeout: float) -> Route:
    """Return the way to ``address``."""
    family = ["-inet6"] if ":" in address else []
    said = await programs.ask(["route", "-n", "get", *family, address], timeout)
    return read(address, said.output, said.errors)


def read(address: str, output: str, errors: str = "") -> Route:
    """Return the way that ``route -n get`` tells."""
    flags = _FLAGS.search(output)
    if "not in table" in output + errors or (flags and _NOWHERE & set(flags[1].split(","))):
        raise UnreachableError(f"{address}: there is no route")
    adapter = _ADAPTER.search(output)
    if adapter is None:
        raise LocalError(f"{address}: route tells no adapter: {printable(errors.strip(), 100)}")
    return Route(printable(adapter[1], 100))
