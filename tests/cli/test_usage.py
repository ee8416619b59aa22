"""What ``--help`` says: usage lines as manual pages have them, and a list of commands that can be read."""

import os
import re
import subprocess
import sys
from pathlib import Path

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
        ("peers nonsense --coordinator http://127.0.0.1:9", 2, "doctl: nonsense is not a content id: write DO- and "),
        ("peers ftp://x/y --coordinator http://127.0.0.1:9", 2, 'doctl: "ftp://x/y" is not usable: '),
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


@pytest.mark.parametrize(
    "command",
    [
        "vpn --output LONG",
        "explain 0x80D02002 --output LONG",
        "schema report --output LONG",
        "fetch http://127.0.0.1:9/f -o LONG",
        "serve LONG",
        "phf create LONG",
        "phf create FILE -o LONG",
        "phf create ALMOST",
        "coordinator --publish LONG=http://127.0.0.1:9/f",
        "coordinator --token-file LONG",
    ],
)
def test_a_name_that_the_system_refuses_is_no_bug(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path that may not even be looked at, as in a folder without rights, is one line about that path."""
    names = {"LONG": "n" * 300, "ALMOST": "n" * 253, "FILE": "f"}
    if sys.platform == "linux":
        for name in ("ALMOST", "FILE"):
            (tmp_path / names[name]).write_bytes(b"content")
    for name, path in names.items():
        command = command.replace(name, str(tmp_path / path))
    assert run(command.split()) in (1, 2)
    shown = capsys.readouterr()
    assert (shown.out, shown.err.count("\n")) == ("", 1)
    assert str(tmp_path) in shown.err


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("fetch http://127.0.0.1:9/f -o nowhere/f", "Invalid value for '-o': the folder nowhere does not exist"),
        ("fetch http://127.0.0.1:9/f --output nowhere/f", "Invalid value for '--output': the folder nowhere does not"),
        ("phf create f -o nowhere/f", "the folder nowhere does not exist"),
    ],
)
def test_where_nothing_can_be_written_is_said_before_the_work(
    command: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A result that would have no place is refused before anything is fetched or hashed."""
    assert run(command.split()) == 2
    assert says in capsys.readouterr().err


def test_a_value_may_end_as_an_empty_one_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Base64 ends in an equals sign: that is a value, and what is said is about the value."""
    assert run(["fetch", "http://127.0.0.1:9/f", "--hash-of-hashes=AAAA="]) == 2
    assert "the HashOfHashes AAAA= is not base64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "after"),
    [
        (("serve", ""), ""),
        (("fetch", "http://127.0.0.1:9/f", "-o", ""), " after -o"),
        (("vpn", "--from="), " after --from"),
        (("check", ""), ""),
    ],
)
def test_nothing_is_no_path(arguments: tuple[str, ...], after: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty argument, which a script's unset variable leaves, is refused: it would be the current folder."""
    assert run(arguments) == 2
    assert capsys.readouterr().err == (
        f"doctl: an empty value{after}: write one, or leave it out; is a variable not set?\n"
    )
