"""Reads what users write on the command line: rates, durations, addresses, digests, modes."""

import math
import re
from typing import Final

from doctl.endpoints import PEER_PORT, Address
from doctl.errors import UsageError

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(K|M|G|)B?(?:/s|ps)?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)", re.IGNORECASE)
_FACTOR: Final = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MODES: Final = {"http": 0, "lan": 1, "group": 2, "internet": 3, "simple": 99}
LONGEST: Final = 365 * 86400.0


def rate(text: str) -> int:
    """Read bytes a second with a decimal suffix: ``500KB``, ``60MB``, ``1.5MB``."""
    match = _RATE.fullmatch(text.strip())
    value = float(match[1]) * _FACTOR[match[2].lower()] if match else 0.0
    if not 1 <= value < 1e15:
        raise UsageError(f"{text!r} is not a rate: write bytes a second such as 500KB or 60MB")
    return int(value)


def duration(text: str) -> float:
    """Read seconds as ``90s``, ``10m``, ``1h`` or ``2d``."""
    match = _DURATION.fullmatch(text.strip())
    value = float(match[1]) * _SECONDS[match[2].lower()] if match else math.nan
    if value > LONGEST:
        raise UsageError(f"{text!r} is longer than a year: write 365d at most")
    if math.isnan(value):
        raise UsageError(f"{text!r} is not a duration: write it as 90s, 10m or 1h")
    return value


def peer_address(text: str) -> Address:
    """Read ``HOST[:PORT]``; the port is 7680 unless named."""
    address = Address.parse(text, PEER_PORT)
    if address.port == 0:
        raise UsageError(
            f"{text!r} has port 0, on which nobody can listen; peers have {PEER_PORT} unless told otherwise"
        )
    return address


def listen_address(text: str) -> Address:
    """Read ``ADDR:PORT``; port 0 means any free one."""
    return Address.parse(text)


def sha256(text: str) -> str:
    """Read a SHA-256 in hex."""
    digest = text.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise UsageError(f"{text!r} is not a SHA-256: write its 64 hex digits")
    return digest


def mode(text: str) -> int:
    """Read a download mode by number or name."""
    name = text.strip().lower()
    number = _MODES.get(name, int(name) if name.isascii() and name.isdigit() and len(name) < 4 else -1)
    if number == 100:
        raise UsageError("mode 100 (bypass) hands the download to BITS, which is a part of Windows: use 0 or 99")
    if number not in _MODES.values():
        raise UsageError(f"{text!r} is not a download mode: write 0 http, 1 lan, 2 group, 3 internet or 99 simple")
    return number
