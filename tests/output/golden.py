"""The golden files: every format of the sample reports as it was when somebody last looked at it and found it good.

    python -m tests.output.golden

writes them anew. Look at what changed before committing it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from doctl.output import Format, View, renderer
from doctl.output.github import summary
from doctl.report import Report
from tests.output.sample import EMPTY, FULL, GOOD

FOLDER: Final = Path(__file__).parents[1] / "golden"


def _in(wanted: Format, report: Report = FULL, view: View | None = None) -> Callable[[], str]:
    return lambda: renderer(wanted)(report, view or View())


GOLDEN: Final[dict[str, Callable[[], str]]] = {
    "full.txt": _in(Format.TEXT),
    "full-verbose-ascii-60.txt": _in(Format.TEXT, view=View(width=60, symbols=False, verbose=True)),
    "full-quiet.txt": _in(Format.TEXT, view=View(quiet=True)),
    "full-colour.txt": _in(Format.TEXT, view=View(colour=True, width=100)),
    "good.txt": _in(Format.TEXT, GOOD),
    "empty.txt": _in(Format.TEXT, EMPTY),
    "full.json": _in(Format.JSON),
    "empty.json": _in(Format.JSON, EMPTY),
    "full.junit.xml": _in(Format.JUNIT),
    "full-strict.junit.xml": _in(Format.JUNIT, view=View(strict=True)),
    "full.nagios": _in(Format.NAGIOS),
    "good.nagios": _in(Format.NAGIOS, GOOD),
    "empty.nagios": _in(Format.NAGIOS, EMPTY),
    "full.prom": _in(Format.PROMETHEUS),
    "full.github": _in(Format.GITHUB),
    "full-strict.github": _in(Format.GITHUB, view=View(strict=True)),
    "full.azure": _in(Format.GITHUB, view=View(azure=True)),
    "full.summary.md": lambda: summary(FULL),
    "empty.summary.md": lambda: summary(EMPTY),
    "full.html": _in(Format.HTML),
    "good.html": _in(Format.HTML, GOOD),
    "empty.html": _in(Format.HTML, EMPTY),
}


def write() -> None:
    """Write every golden file and remove those that nothing makes any more."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        if path.name not in GOLDEN:
            path.unlink()
    for name, make in GOLDEN.items():
        (FOLDER / name).write_text(make(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
