"""The error codes (HRESULTs) of Delivery Optimization: how to read one, and what is known of it."""

import re
from typing import Final

from doctl.error_codes import http, jobs, peers, policy
from doctl.error_codes.row import ErrorCode
from doctl.errors import UsageError
from doctl.printable import printable

ERROR_CODES: Final = (*jobs.ROWS, *policy.ROWS, *http.ROWS, *peers.ROWS)
"""All known codes, in ascending order."""

_BY_CODE: Final = {row.code: row for row in ERROR_CODES}
_HEX: Final = re.compile(r"0x([0-9a-f]{1,8})|([0-9a-f]{8})", re.IGNORECASE | re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,10}", re.ASCII)


def parse(text: str) -> int:
    """Read a code: hexadecimal with or without 0x, signed or unsigned decimal, spaces anywhere; else UsageError.

    Eight digits without 0x are hexadecimal, as codes are written; any other number of digits is decimal.
    """
    digits = "".join(text[:100].split())
    if found := _HEX.fullmatch(digits):
        return int(found[1] or found[2], 16)
    if _DECIMAL.fullmatch(digits) and -(1 << 31) <= int(digits) < 1 << 32:
        return int(digits) % (1 << 32)
    raise UsageError(f"{printable(text, 60)!r} is not an error code: write it like 0x80D02002 or -2133843966")


def find(code: int) -> ErrorCode | None:
    """Return the row of ``code``, if there is one."""
    return _BY_CODE.get(code)


def nearest(code: int) -> ErrorCode | None:
    """Return the first known code that differs from ``code`` in one hexadecimal digit, if there is one."""
    wanted = f"{code:08X}"
    return next((row for row in ERROR_CODES if _differing(f"{row.code:08X}", wanted) == 1), None)


def _differing(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=True))
