"""Shows how a transfer goes: a live line on a terminal, a plain line now and then elsewhere; always on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from doctl.printable import printable
from doctl.report import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

EVERY: Final = 10
"""Calls (about half a second apart) between two plain lines."""
_UNITS: Final = ("B", "KB", "MB", "GB", "TB")


def size(count: float) -> str:
    """Write bytes with a decimal unit: ``12.3 MB``."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def peers(count: int) -> str:
    """Write how many peers: ``1 peer``, ``2 peers``."""
    return f"{count} peer{'' if count == 1 else 's'}"


def shares(progress: Progress) -> str:
    """Write what each source gave, as parts of all that came: ``http 20 %, lan 80 %``."""
    total = sum(progress.bytes_from.values())
    parts = [f"{name} {round(100 * count / total)} %" for name, count in progress.bytes_from.items() if count]
    return ", ".join(parts)


def line(progress: Progress) -> str:
    """Write a progress as one plain line."""
    total = size(progress.total) if progress.total is not None else "?"
    left = f", {_clock(progress.seconds_left)} left" if progress.seconds_left else ""
    others = f", {peers(progress.peers)}" if progress.peers else ""
    given = f", {shares(progress)}" if shares(progress) else ""
    return f"{progress.state}: {size(progress.done)} of {total}, {size(progress.rate)}/s{left}{others}{given}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Talk:
    """What a transfer says while it runs; ``watch`` takes its progress, ``say`` a line."""

    def watch(self, progress: Progress) -> None:
        """Show how far it is."""

    def say(self, text: str) -> None:
        """Show a line."""


class _Lines(Talk):
    def __init__(self) -> None:
        self._calls = 0
        self._last = ""

    def watch(self, progress: Progress) -> None:
        self._calls += 1
        if self._calls % EVERY == 0:
            self.say(line(progress))

    def say(self, text: str) -> None:
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()


class _Live(Talk):
    def __init__(self, bar: "Bar", task: "TaskID") -> None:
        self._bar = bar
        self._task = task

    def watch(self, progress: Progress) -> None:
        left = f"{_clock(progress.seconds_left)} left" if progress.seconds_left else ""
        others = peers(progress.peers) if progress.peers else ""
        details = "  ".join(part for part in (f"{size(progress.rate)}/s", left, others, shares(progress)) if part)
        self._bar.update(
            self._task, description=progress.state, completed=progress.done, total=progress.total, details=details
        )

    def say(self, text: str) -> None:
        self._bar.console.print(printable(text), markup=False, highlight=False)


@contextmanager
def talking(*, quiet: bool) -> Iterator[Talk]:
    """Give what suits stderr: nothing when ``quiet``, a live line on a terminal, plain lines elsewhere."""
    if quiet:
        yield Talk()
    elif not sys.stderr.isatty():
        yield _Lines()
    else:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            DownloadColumn(),
            TextColumn("{task.fields[details]}", markup=False),
        )
        with Bar(*columns, console=Console(stderr=True)) as bar:
            yield _Live(bar, bar.add_task("starting", total=None, details=""))
