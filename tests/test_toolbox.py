"""The tools' own promise: whatever cuts a set-up short, nobody is handed half a tool."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import need, toolbox

WAITS_HALFWAY = """#!/bin/sh
mkdir "$1"
[ -p "$2" ] && cat "$2"
echo whole >"$1/tool"
"""

CALL = """
import sys, pathlib
from tests import toolbox
toolbox.kept(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3])
"""


def script(folder: Path, text: str) -> Path:
    """Write a set-up script into ``folder``."""
    need.program("sh")
    path = folder / "make.sh"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_tool_is_made_once_and_anew_when_its_script_changes(tmp_path: Path) -> None:
    """The second call finds what the first made; a changed script starts from an empty folder."""
    counting = script(tmp_path, '#!/bin/sh\nmkdir "$1" && date +%N >"$1/tool"\n')
    first = toolbox.kept(tmp_path / "tool", counting).joinpath("tool").read_text()
    assert toolbox.kept(tmp_path / "tool", counting).joinpath("tool").read_text() == first
    changed = script(tmp_path, '#!/bin/sh\nmkdir "$1" && echo new >"$1/tool"\n')
    assert toolbox.kept(tmp_path / "tool", changed).joinpath("tool").read_text() == "new\n"


def test_a_set_up_that_was_killed_is_started_over(tmp_path: Path) -> None:
    """After a kill halfway the next call makes the tool whole."""
    slow, halfway = script(tmp_path, WAITS_HALFWAY), tmp_path / "halfway"
    os.mkfifo(halfway)
    command: list[str | Path] = [sys.executable, "-c", CALL, tmp_path / "tool", slow, halfway]
    with subprocess.Popen(command, start_new_session=True, cwd=Path(__file__).parents[1]) as first, halfway.open("wb"):
        os.killpg(first.pid, signal.SIGKILL)  # the pipe opened: the script is waiting halfway
    halfway.unlink()
    assert toolbox.kept(tmp_path / "tool", slow, str(halfway)).joinpath("tool").read_text() == "whole\n"


def test_a_set_up_that_fails_ends_the_test_with_the_reason(tmp_path: Path) -> None:
    """The last line the script said is in the reason, and nothing counts as made."""
    failing = script(tmp_path, '#!/bin/sh\nmkdir "$1"; echo no such mirror >&2; exit 5\n')
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match="no such mirror"):
        toolbox.kept(tmp_path / "tool", failing)
    assert not (tmp_path / "tool" / ".made-by").exists()
