"""Reads an inventory of adapters in JSON, strictly and within bounds."""

import difflib
import ipaddress
import json
from typing import Final, TypeVar

from doctl.errors import UsageError
from doctl.net.adapters import KINDS_OF_TYPE, Adapter, IPInterface, Kind
from doctl.printable import printable

MOST_BYTES: Final = 4 << 20
MOST_ADAPTERS: Final = 10_000
MOST_ADDRESSES: Final = 1_000
LONGEST_TEXT: Final = 500
HIGHEST_TYPE: Final = 65535

KEYS: Final = (
    "name",
    "friendly_name",
    "description",
    "kind",
    "if_type",
    "up",
    "addresses",
    "default_route",
    "driver",
)
Wanted = TypeVar("Wanted")


def read_inventory(data: bytes, where: str) -> tuple[Adapter, ...]:
    """Read ``{"adapters": [{"name": ..}, ..]}``, of which only the name must be there.

    ``where`` names the file in messages. Raises UsageError for anything that is not exactly right.
    """
    if len(data) > MOST_BYTES:
        raise UsageError(f"{where}: larger than {MOST_BYTES} bytes; an inventory is small")
    document = _parsed(data, where)
    if not isinstance(document, dict) or not isinstance(document.get("adapters"), list):
        raise UsageError(f'{where}: not an inventory: write {{"adapters": [{{"name": "eth0"}}]}}')
    _known(document, ("adapters",), where)
    rows = document["adapters"]
    if len(rows) > MOST_ADAPTERS:
        raise UsageError(f"{where}: {len(rows)} adapters; at most {MOST_ADAPTERS} are read")
    return tuple(_adapter(row, f"{where}: adapter {number}") for number, row in enumerate(rows, 1))


def _parsed(data: bytes, where: str) -> object:
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_no_key_twice)
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: not UTF-8 text (byte {error.start})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not JSON: {printable(str(error), 100)}") from error


def _no_key_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError(f"a key is given twice in {{{', '.join(key for key, _ in pairs)}}}")
    return result


def _adapter(row: object, where: str) -> Adapter:
    if not isinstance(row, dict):
        raise UsageError(f"{where}: must be an object with a name")
    _known(row, KEYS, where)
    name = _text(row, "name", where)
    if not name.strip():
        raise UsageError(f"{where}: has no name")
    if_type = _if_type(row, where)
    return Adapter(
        name=name,
        friendly_name=_text(row, "friendly_name", where),
        description=_text(row, "description", where),
        kind=_kind(row, if_type, where),
        if_type=if_type,
        up=_typed(row, "up", True, "true or false", where),
        addresses=_addresses(row, where),
        default_route=_typed(row, "default_route", False, "true or false", where),
        driver=_text(row, "driver", where),
    )


def _typed(row: dict[str, object], key: str, default: Wanted, what: str, where: str) -> Wanted:
    """Return what ``row`` has under ``key``, of the type that ``default`` has; null counts as not given."""
    value = row.get(key)
    if value is None:
        return default
    if not isinstance(value, type(default)):
        raise UsageError(f"{where}: {key} must be {what}")
    return value


def _text(row: dict[str, object], key: str, where: str) -> str:
    text = _typed(row, key, "", "text", where)
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"{where}: {key} has {len(text)} characters; at most {LONGEST_TEXT} are read")
    return text


def _if_type(row: dict[str, object], where: str) -> int | None:
    value = row.get("if_type")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= HIGHEST_TYPE:
        raise UsageError(f"{where}: if_type must be a whole number from 0 to {HIGHEST_TYPE}")
    return value


def _kind(row: dict[str, object], if_type: int | None, where: str) -> Kind:
    """Return the kind that is given, or else the one that the type says."""
    if row.get("kind") is None:
        return KINDS_OF_TYPE.get(if_type, Kind.UNKNOWN) if if_type is not None else Kind.UNKNOWN
    text = _text(row, "kind", where)
    try:
        return Kind(text)
    except ValueError:
        raise UsageError(f'{where}: kind "{printable(text, 60)}" is not one of {", ".join(Kind)}') from None


def _addresses(row: dict[str, object], where: str) -> tuple[IPInterface, ...]:
    values: list[object] = _typed(row, "addresses", [], "a list of addresses", where)
    if len(values) > MOST_ADDRESSES:
        raise UsageError(f"{where}: {len(values)} addresses; at most {MOST_ADDRESSES} are read")
    return tuple(_address(value, where) for value in values)


def _address(value: object, where: str) -> IPInterface:
    try:
        if isinstance(value, str):
            return ipaddress.ip_interface(value)
    except ValueError:
        pass
    shown = printable(value, 60) if isinstance(value, str) else type(value).__name__
    raise UsageError(f'{where}: "{shown}" is not an address; write one such as "10.0.0.5/24"')


def _known(row: dict[str, object], keys: tuple[str, ...], where: str) -> None:
    for key in row:
        if key not in keys:
            near = difflib.get_close_matches(key[:100], keys, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys)}"
            raise UsageError(f'{where}: unknown key "{printable(key, 60)}"; {hint}')
