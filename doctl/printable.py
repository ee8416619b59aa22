"""Text from outside, made safe to show: no terminal escapes, no direction tricks, no endless lines."""


def printable(text: str, most: int = 500) -> str:
    """Return at most ``most`` characters of ``text``, with those that are not printable written as ``\\x1b``."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:most])
    return shown if len(text) <= most else f"{shown}..."
