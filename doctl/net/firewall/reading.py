"""Asks the firewall tools of whatever system this is."""

import importlib
import sys
from typing import TYPE_CHECKING, Final

from doctl.net.firewall import Flow, Ruling, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SYSTEMS: Final = {"linux": "linux", "win32": "windows", "darwin": "macos"}
"""Which module of this package knows which ``sys.platform``."""


async def rulings(flow: Flow, timeout: float) -> tuple[Ruling, ...]:
    """Return what each tool of this system says about ``flow``, all within ``timeout`` seconds; never raises."""
    name = SYSTEMS.get(sys.platform)
    if name is None:
        return (Ruling("none", Verdict.UNKNOWN, f"doctl knows no firewall of {sys.platform}"),)
    module = importlib.import_module(f"doctl.net.firewall.{name}")
    ask: Callable[[Flow, float], Awaitable[tuple[Ruling, ...]]] = module.rulings
    return await ask(flow, timeout)
