"""The completion scripts in real shells: what TAB makes of a line that was begun."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import need

SCRIPTS = Path(__file__).parents[1] / "completions"
CONFIGURATION = {
    "bash": (".bashrc", "PS1='ready> '\n", "source '{scripts}/doctl.bash'\n"),
    "zsh": (".zshrc", "PS1='ready> '\n", "fpath=('{scripts}' $fpath); autoload -Uz compinit; compinit -u\n"),
    "fish": (
        ".config/fish/config.fish",
        "function fish_prompt; echo 'ready> '; end; set fish_greeting\n",
        "source '{scripts}/doctl.fish'\n",
    ),
}
STAND_IN = """#!/bin/sh
case "$_DOCTL_COMPLETE$1" in complete_*|--install-completion) exec '{python}' -m doctl "$@";; esac
echo "typed: $*."
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with a ``doctl`` that completes as the real one does and otherwise says what was typed."""
    program = tmp_path / "bin" / "doctl"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    # without it fish reads all manual pages first, in the background and beyond its own end
    (tmp_path / ".local/share/fish/generated_completions").mkdir(parents=True)
    return tmp_path


def surroundings(home: Path) -> Mapping[str, str]:
    """Return the environment of a user who has nothing but ``home``."""
    return {"HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}", "TERM": "vt100", "LC_ALL": "C.UTF-8"}


def configure(shell: str, home: Path, *, with_script: bool) -> None:
    """Give ``shell`` a prompt to wait for and, where wanted, the checked-in completion."""
    name, prompt, script = CONFIGURATION[shell]
    file = home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(prompt + script.format(scripts=SCRIPTS) * with_script)


def typed(shell: str, home: Path, keys: str) -> str:
    """Type ``keys`` in a terminal and return the arguments that doctl was then run with."""
    master, slave = pty.openpty()
    command = [need.program("setsid"), "--ctty", "--wait", need.program(shell), "-i"]
    with (
        subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=surroundings(home)),
        os.fdopen(master, "r+b", buffering=0) as terminal,  # closed first: that ends the shell
    ):
        os.close(slave)
        read_until("ready> ", master)
        terminal.write(f"{keys}\r".encode())
        read_until("typed: ", master)
        return read_until(".", master)


def read_until(wanted: str, terminal: int, seconds: float = 100) -> str:
    """Read the terminal up to ``wanted`` and return what came before it."""
    seen, end = "", time.monotonic() + seconds
    while not seen.endswith(wanted):
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            pytest.fail(f"no {wanted!r} in {seen!r}")
        seen += os.read(terminal, 1).decode(errors="replace")
    return seen.removesuffix(wanted)


@pytest.mark.parametrize("shell", CONFIGURATION)
def test_tab_completes_commands_and_their_subcommands(shell: str, home: Path) -> None:
    """Each shell, with the checked-in script, makes ``doctl phf create`` of its beginnings."""
    configure(shell, home, with_script=True)
    assert typed(shell, home, "doctl ph\tcr\t") == "phf create"


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_install_completion_does_what_the_script_does(shell: str, home: Path) -> None:
    """After ``doctl --install-completion`` in a shell, that shell completes."""
    configure(shell, home, with_script=False)
    install = "doctl --install-completion; exit $status" if shell == "fish" else "doctl --install-completion; exit $?"
    subprocess.run([need.program(shell), "-c", install], env=surroundings(home), check=True, stdout=subprocess.DEVNULL)
    assert typed(shell, home, "doctl ph\tcr\t") == "phf create"


def test_powershell_is_answered_in_its_form() -> None:
    """The entry point answers what the PowerShell script asks: a completion and its help (PowerShell was not run)."""
    asked = {"_TYPER_COMPLETE_ARGS": "doctl phf cr", "_TYPER_COMPLETE_WORD_TO_COMPLETE": "cr"}
    environment = os.environ | {"_DOCTL_COMPLETE": "complete_powershell"} | asked
    answer = subprocess.check_output([sys.executable, "-m", "doctl"], env=environment, text=True)
    assert answer.startswith("create:::")
