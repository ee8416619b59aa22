"""A file name made of what a URL or a server suggests, safe on every system whatever they say."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

DEFAULT: Final = "download"
"""The name where nothing usable is suggested."""
LONGEST: Final = 200
"""Bytes of a name in UTF-8; file systems allow 255, and other names are made from this one."""

_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?", re.IGNORECASE)
_EXTENDED = re.compile(r"""(?:^|;)\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)""", re.IGNORECASE)
_QUOTED = re.compile(r'(?:^|;)\s*filename\s*=\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_TOKEN = re.compile(r'(?:^|;)\s*filename\s*=\s*([^";\s]+)', re.IGNORECASE)
_MOST_HEADER = 4000


def suggest(url: str, disposition: str | None = None) -> str:
    """Return a name for the file at ``url``: the last part of its path, else what Content-Disposition says.

    The path comes first because whoever asks knows it beforehand, which cannot be said of a server's idea.
    """
    segment = unquote(urlsplit(url).path.rpartition("/")[2])
    return clean(segment) or clean(_of_disposition(disposition or "")) or DEFAULT


def clean(name: str) -> str:
    """Return ``name`` as one harmless file name, or "" if nothing is left of it.

    No separators or characters that Windows forbids, nothing unprintable, no dot or space at either end (so nothing
    hidden), no Windows device, at most LONGEST bytes with the extension kept.
    """
    last = name.replace("\\", "/").rpartition("/")[2][: 4 * LONGEST]
    printable = "".join(c for c in last if c.isprintable())
    safe = _UNSAFE.sub("_", printable).strip(". ")
    return _shortened(f"_{safe}" if _RESERVED.fullmatch(safe) else safe)


def _shortened(name: str) -> str:
    encoded = name.encode("utf-8", "ignore")
    if len(encoded) <= LONGEST:
        return encoded.decode()
    stem, dot, extension = encoded.rpartition(b".")
    tail = dot + extension if dot and len(extension) <= 20 else b""
    head = (stem if tail else encoded)[: LONGEST - len(tail)]
    return (head.decode("utf-8", "ignore").rstrip(". ") + tail.decode("utf-8", "ignore")).strip(". ")


def _of_disposition(header: str) -> str:
    """Read the file name of a Content-Disposition (RFC 6266); "" if there is none."""
    header = header[:_MOST_HEADER]
    if match := _EXTENDED.search(header):
        return unquote(match[1])
    if match := _QUOTED.search(header):
        return re.sub(r"\\(.)", r"\1", match[1])
    match = _TOKEN.search(header)
    return match[1] if match else ""
