"""One module a format; ``Format`` is the one list."""

import enum
import importlib
from collections.abc import Callable
from dataclasses import dataclass

from doctl.digest import cleaned
from doctl.report import Report


class Format(enum.StrEnum):
    """Every format of a report. Each is a module of this package with a function ``render(report, view)``."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    NAGIOS = "nagios"
    PROMETHEUS = "prometheus"
    GITHUB = "github"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class View:
    """What the reader asked for and what the place it is read in can do.

    ``width`` is in columns; ``symbols`` says whether more than ASCII can be shown; ``strict`` whether warnings count
    as failures; ``azure`` whether a log is read by Azure DevOps rather than GitHub.
    """

    width: int = 80
    colour: bool = False
    symbols: bool = True
    verbose: bool = False
    quiet: bool = False
    strict: bool = False
    azure: bool = False


Renderer = Callable[[Report, View], str]


def renderer(wanted: Format) -> Renderer:
    """Load the module of a format, which brings a library of its own, and return what renders a report with it.

    Whatever the report holds, the format sees it cleaned of everything unsafe to show. MissingExtraError where the
    format's library is an extra that is not installed.
    """
    render: Renderer = importlib.import_module(f"doctl.output.{wanted}").render
    return lambda report, view: render(cleaned(report), view)
