"""How little a ``--help`` loads: what takes long to load is left to what needs it."""

import os
import subprocess
import sys

import pytest

from doctl.cli.app import COMMANDS

HEAVY = {"asyncio", "cryptography", "dns", "httpx", "psutil", "pydantic", "rich", "ssl", "starlette", "zeroconf"}
HELP = f"""
import sys
from doctl.cli.app import run
for command in sys.argv[1:]:
    if run([*command.split(), "--help"]) or {HEAVY!r} & set(sys.modules):
        sys.exit(command + " loads " + str({HEAVY!r} & set(sys.modules)))
"""


def test_no_help_loads_what_is_slow_to_load() -> None:
    """``--help`` of no command loads network, terminal or Typer's pydantic, not for a command in a group either."""
    commands = [*COMMANDS, "phf create", "phf show", "phf verify"]
    done = subprocess.run([sys.executable, "-c", HELP, *commands], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_is_told_without_a_command_line() -> None:
    """``--version`` loads not even Typer."""
    program = "import sys; sys.argv[1:] = ['--version']; from doctl.__main__ import main; main(); "
    program += "sys.exit('typer' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="starts programs without standard streams as a shell does")
@pytest.mark.parametrize("arguments", ["--version", "--help", "explain 0x80D02002", "settings"])
def test_closed_streams_are_no_obstacle(arguments: str) -> None:
    """A caller without standard streams, as some services are, gets the exit code all the same."""
    command = f'"$0" -m doctl {arguments} <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", command, sys.executable], check=False).returncode == 0
