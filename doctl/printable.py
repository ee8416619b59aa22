"""Text from outside, made safe to show: no terminal escapes, no direction tricks, no endless lines, no orders."""

import re
from typing import Final

_ORDER: Final = re.compile(r"#(?=#(vso)?\[)", re.IGNORECASE)
"""Begins an order to the agent of a pipeline (Azure DevOps, GitHub), which looks for it anywhere in a line of a log."""


def printable(text: str, most: int = 500) -> str:
    """Return at most ``most`` characters of ``text``, with those that are not printable written as ``\\x1b``."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:most])
    shown = _ORDER.sub(r"\\x23", shown)
    return shown if len(text) <= most else f"{shown}..."
