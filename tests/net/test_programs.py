"""Running the system's tools: what they say comes back, and none of them can hold doctl up or fill its memory."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from doctl.errors import LocalError
from doctl.net import programs


def test_output_errors_and_exit_code_come_back_in_english() -> None:
    """What a program says on both streams comes back with its exit code, and its language is the C locale's."""
    script = "import os, sys; print(os.environ['LC_ALL']); sys.stderr.write('oops'); sys.exit(3)"
    said = asyncio.run(programs.ask([sys.executable, "-c", script], timeout=10))
    assert said == programs.Said(code=3, output=f"C{os.linesep}", errors="oops")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["no-such-program-anywhere"], "no program"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "did not answer within 0.2 s"),
        ([sys.executable, "-c", "while True: print('x' * 4096)"], "said more than 10000 bytes"),
    ],
)
def test_a_tool_that_is_absent_slow_or_endless_is_a_local_error(argv: list[str], message: str) -> None:
    """A missing, a slow and an endlessly talking program each end soon, as an error that says so."""
    start = time.monotonic()
    with pytest.raises(LocalError, match=message):
        asyncio.run(programs.ask(argv, timeout=0.2 if "sleep" in argv[-1] else 20, most=10_000))
    assert time.monotonic() - start < 10


@pytest.mark.skipif(os.name != "nt", reason="elsewhere the PATH is the administrator's")
def test_windows_tools_are_those_of_windows(tmp_path: Path) -> None:
    """A bare name is Windows' own tool, whatever lies in the current folder."""
    (tmp_path / "whoami-doctl.exe").touch()
    with contextlib.chdir(tmp_path):
        assert programs.find("whoami-doctl") is None
    found = programs.find("powershell")
    assert found is not None
    assert "System32" in found


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")
def test_what_a_slow_tool_started_ends_with_it() -> None:
    """A grandchild that holds the pipe open neither delays the end nor lives on."""
    marker = f"86{os.getpid()}"
    start = time.monotonic()
    with pytest.raises(LocalError):
        asyncio.run(programs.ask(["sh", "-c", f"sleep {marker} & wait"], timeout=0.3))
    assert time.monotonic() - start < 5
    assert f"sleep {marker}" not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("script", "output"), [("print(len(sys.stdin.read()))", "1000000\n"), ("print(1)", "1\n")])
def test_what_is_given_is_the_programs_input(script: str, output: str) -> None:
    """A program gets all of what it is given, more than a pipe holds; one that reads nothing is no error."""
    argv = [sys.executable, "-c", f"import sys; {script}"]
    assert asyncio.run(programs.ask(argv, timeout=10, given=b"x" * 1_000_000)).output.replace("\r", "") == output
