"""Reads Windows' registry."""

import contextlib
import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from doctl.errors import LocalError

Values = Mapping[str, object]
"""What one registry key holds: DWORDs as int, texts as str, binary as bytes; whatever else is ignored."""


def values(root: str, path: str, names: Iterable[str]) -> Values:
    """Return those values of a registry key that are there; a key that is not there has none."""
    winreg: Any = importlib.import_module("winreg")  # only Windows has it
    found: dict[str, object] = {}
    try:
        with winreg.OpenKey(getattr(winreg, root), path) as key:
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    found[name] = winreg.QueryValueEx(key, name)[0]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LocalError(f"the registry key {path} cannot be read: {error.strerror}") from error
    return found
