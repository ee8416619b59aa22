"""What ``--help`` says: usage lines as manual pages have them, and a list of commands that can be read."""

import os
import re
import subprocess
import sys

import pytest

from doctl.cli.app import COMMANDS, run

PHF = tuple(f"phf {name}" for name in ("create", "show", "verify"))
DIAGNOSIS = ("check", "ports", "proxy", "vpn", "hosts", "explain", "phf", "schema")
GIVEN = r"( [A-Z|-]+| \[[A-Z]+\](\.\.\.)?| [A-Z]+\.\.\.)?"
"""What a command is given: ``CODE``, ``[URL]``, ``[URL]...`` or ``PATH...``."""


@pytest.mark.parametrize("command", [*COMMANDS, *PHF])
def test_a_usage_line_reads_as_in_a_manual_page(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each usage line names what is given in capitals, in brackets where it may be left out, and in nothing else."""
    assert run([*command.split(), "--help"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    pattern = GIVEN if command != "phf" else r" COMMAND \[ARGS\]\.\.\."
    assert re.fullmatch(rf"Usage: doctl {command} \[OPTIONS\]{pattern}", first)


def test_the_list_of_commands_can_be_read() -> None:
    """The commands stand in the order of the table, and what diagnosis says of its own fits on a line of 80 columns."""
    done = subprocess.run(
        [sys.executable, "-m", "doctl", "--help"],
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    listed = [line.split(maxsplit=1) for line in done.stdout.partition("Commands:\n")[2].splitlines()]
    assert [name for name, _ in listed] == list(COMMANDS)
    assert not [text for name, text in listed if name in DIAGNOSIS and text.endswith("...")]


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("serve /nowhere", 2, "doctl: /nowhere: no such file or folder"),
        ("coordinator --listen 192.0.2.1:8480", 1, "doctl: cannot listen on 192.0.2.1:8480: "),
        ("fetch nonsense", 2, 'doctl: "nonsense" is not usable: '),
        ("ports --target host:99999", 2, "doctl: 'host:99999' has no valid port: "),
        ("nonsense", 2, "doctl: No such command 'nonsense'; see doctl --help\n"),
        ("phf", 2, "doctl: Missing command; see doctl phf --help\n"),
        ("phf create", 2, "doctl: Missing argument 'FILE'; see doctl phf create --help\n"),
        ("vpn extra", 2, "doctl: Got unexpected extra argument(s) (extra); see doctl vpn --help\n"),
        ("vpn --format pdf", 2, "doctl: Invalid value for '--format': 'pdf' is not one of 'text', "),
        ("vpn --timeout soon", 2, "doctl: Invalid value for '--timeout': it should be a number\n"),
        ("serve . --slots 0", 2, "doctl: Invalid value for '--slots': it should be greater than or equal to 1\n"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    command: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is said in one line on standard error, and nothing else is."""
    assert run(command.split()) == code
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert shown.err.startswith(says)
