"""One module a format; ``Format`` is the one list."""

import enum
import importlib
from dataclasses import dataclass

from doctl.report import Report


class Format(enum.StrEnum):
    """Every format of a report. Each is a module of this package that has ``render(report, view)``."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class View:
    """What the reader asked for and what the terminal can do: ``width`` in columns, colour and symbols or not."""

    width: int = 80
    colour: bool = False
    symbols: bool = True
    verbose: bool = False
    quiet: bool = False


def render(report: Report, wanted: Format, view: View) -> str:
    """Return ``report`` as text in the ``wanted`` format; the module of that format is loaded only now."""
    text: str = importlib.import_module(f"doctl.output.{wanted}").render(report, view)
    return text
