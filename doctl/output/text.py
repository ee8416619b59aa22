"""The report as a table for people, by area and worst first, readable at 80 columns and without colour."""

import io
import json
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from doctl.digest import PROBLEMS, by_area, headline, next_steps
from doctl.report import Finding, Report, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from doctl.output import View

SYMBOLS: Final = {Status.PASS: "✓", Status.WARN: "!", Status.UNKNOWN: "?", Status.FAIL: "✗", Status.SKIP: "-"}
ASCII: Final = SYMBOLS | {Status.PASS: "+", Status.FAIL: "x"}
STYLES: Final = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.UNKNOWN: "magenta",
    Status.FAIL: "bold red",
    Status.SKIP: "dim",
}
WIDEST_TARGET: Final = 37
NARROW: Final = 72
NARROWEST: Final = 40
INDENT: Final = 2
FIRST_COLUMN: Final = INDENT + 9
"""As wide as the longest status with its mark, and two columns of space."""


class Whole(Text):
    """A line that is not broken: a command that is to be copied, which a terminal wraps without cutting it."""


def render(report: Report, view: "View") -> str:
    """Return the table, then the verdict in one line, then, for ``doctl check``, what to do next."""
    console = Console(
        file=io.StringIO(),
        width=max(view.width, NARROWEST),
        force_terminal=view.colour,
        color_system="standard" if view.colour else None,
        no_color=not view.colour,
        legacy_windows=False,
        emoji=False,
        markup=False,
        highlight=False,
    )
    with console.capture() as captured:
        for part in _parts(report, view):
            console.print(part, soft_wrap=isinstance(part, Whole))
    text = "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
    return text if view.symbols else text.replace("…", "~")


def _parts(report: Report, view: "View") -> "Iterator[RenderableType]":
    shown = [f for f in report.findings if f.status in PROBLEMS or not view.quiet]
    for area, findings in by_area(shown).items():
        yield Text(area, style="bold")
        width = min(max(cell_len(_target(f)) for f in findings), WIDEST_TARGET)
        for finding in findings:
            yield from _stacked(finding, view) if _needs_room(finding, view) else [_row(finding, width, view)]
        yield ""
    yield _verdict(report, view)
    if report.command == "check":
        yield from _steps(report.findings)


def _target(finding: Finding) -> str:
    return finding.target or finding.id


def _needs_room(finding: Finding, view: "View") -> bool:
    """Whether it is told in full: a problem, and what has no target, since that is about the whole."""
    return finding.status in PROBLEMS or not finding.target or view.verbose or view.width < NARROW


def _row(finding: Finding, target_width: int, view: "View") -> RenderableType:
    """Put what needs no attention on one line, cut where the line ends."""
    row = Table.grid(padding=(0, 2, 0, 0), expand=True)
    row.add_column(width=FIRST_COLUMN, min_width=FIRST_COLUMN)
    row.add_column(width=target_width, min_width=target_width, overflow="ellipsis", no_wrap=True)
    row.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
    row.add_row(
        _indented_status(finding.status, view), Text(_target(finding)), Text(f"{finding.reason}: {finding.summary}")
    )
    return row


def _stacked(finding: Finding, view: "View") -> "Iterator[RenderableType]":
    """Put the target and the reason on a line, and under it all there is to say."""
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_column(width=FIRST_COLUMN, min_width=FIRST_COLUMN)
    head.add_column(overflow="fold")
    head.add_row(
        _indented_status(finding.status, view), Text.assemble(_target(finding), "  ", (finding.reason, "bold"))
    )
    yield head
    yield from _below(finding, view)


def _indented_status(status: Status, view: "View") -> Text:
    return Text(" " * INDENT).append(_status(status, view))


def _status(status: Status, view: "View") -> Text:
    symbol = (SYMBOLS if view.symbols else ASCII)[status]
    word = status.upper() if status is Status.FAIL else status.value
    return Text(f"{symbol} {word}", style=STYLES[status])


def _below(finding: Finding, view: "View") -> "Iterator[RenderableType]":
    """Give the summary, the remedy of a problem and, when asked for, what the verdict rests on."""
    yield _under_target(Text(finding.summary))
    if finding.remedy and finding.status in PROBLEMS:
        arrow = "→" if view.symbols else ">"
        yield Whole(f"{' ' * INDENT * 2}{arrow} {finding.remedy}", style="cyan")
    if view.verbose:
        details = {"id": finding.id, **finding.facts, "took": f"{finding.duration_s:g} s", "see": finding.reference}
        for name, value in details.items():
            if value != "":
                yield _under_target(Text(f"{name}: {_plain(value)}", style="dim"))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _under_target(text: Text) -> RenderableType:
    return Padding(text, (0, 0, 0, FIRST_COLUMN + 2))


def _verdict(report: Report, view: "View") -> RenderableType:
    took = Text(f"({report.duration_s:.1f} s)", style="dim")
    return Text(" ").join([_status(report.status, view), Text(headline(report)), took])


def _steps(findings: "Sequence[Finding]") -> "Iterator[RenderableType]":
    steps = next_steps(findings)
    if not steps:
        return
    yield ""
    yield Text("Next steps", style="bold")
    for number, step in enumerate(steps, 1):
        yield Whole.assemble(f"{' ' * INDENT}{number}. ", (step.remedy, "cyan"))
        yield Padding(Text(_answers(step.findings), style="dim"), (0, 0, 0, INDENT + 3))


def _answers(findings: "Sequence[Finding]") -> str:
    more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"because of {_target(findings[0])} ({findings[0].reason}){more}"
