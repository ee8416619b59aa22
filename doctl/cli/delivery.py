"""Brings a result to where it was asked for: standard output, a file, the summary of a pipeline's run."""

import errno
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from doctl import atomic
from doctl.cli.options import Common, FailOn
from doctl.errors import LocalError
from doctl.output import Format, Renderer, View
from doctl.report import Report


def put(text: str, output: Path | None) -> None:
    """Write ``text`` to standard output, or to the file ``output``: in UTF-8, whole or not at all."""
    if output is not None:
        atomic.write(output, text.encode("utf-8"))
        return
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as error:
        if os.name == "nt" and error.errno == errno.EINVAL:  # how Windows says that a pipe's reader is gone
            raise BrokenPipeError from error
        if isinstance(error, BrokenPipeError):
            raise
        raise LocalError(f"cannot write to standard output: {error.strerror}") from error


def deliver(report: Report, render: Renderer, common: Common) -> None:
    """Write the report as ``common`` asks; the pipeline format adds its summary to the run's page."""
    text = render(report, _view(common))
    try:
        if common.format is Format.GITHUB:
            text += _summarise(report, os.environ)
    finally:
        put(text, common.output)  # a summary that cannot be written is no reason to lose the report


def _view(common: Common) -> View:
    to_file = common.output is not None
    return View(
        width=80 if to_file else shutil.get_terminal_size().columns,
        colour=not to_file and common.format is Format.TEXT and _shows_colour(),
        symbols=to_file or (sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        verbose=common.verbose,
        quiet=common.quiet,
        strict=common.fail_on is FailOn.WARN,
        azure=bool(os.environ.get("TF_BUILD")),
    )


def _shows_colour() -> bool:
    """Ask rich, which knows terminals, NO_COLOR, TERM=dumb and consoles of Windows that show no colour codes."""
    if not sys.stdout.isatty():
        return False
    from rich.console import Console

    terminal = Console()
    return terminal.color_system is not None and not terminal.no_color and not terminal.legacy_windows


def _summarise(report: Report, environment: Mapping[str, str]) -> str:
    """Add the Markdown summary to the run's page and return what the log needs for that, often nothing."""
    from doctl.output.github import summary

    try:
        if environment.get("TF_BUILD"):
            return _upload_to_azure(summary(report), environment.get("AGENT_TEMPDIRECTORY"))
        if page := environment.get("GITHUB_STEP_SUMMARY"):
            with Path(page).open("a", encoding="utf-8") as file:
                file.write(summary(report))
    except OSError as error:
        raise LocalError(f"cannot write the summary: {error}") from error
    return ""


def _upload_to_azure(markdown: str, folder: str | None) -> str:
    """Leave the summary in the agent's folder of temporary files, which it empties, and return the upload command."""
    if not folder:
        return ""
    file = Path(folder) / f"doctl-{os.urandom(8).hex()}.md"
    file.write_text(markdown, encoding="utf-8")
    return f"##vso[task.uploadsummary]{file}\n"
