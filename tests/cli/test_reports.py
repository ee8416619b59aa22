"""Reports through the entry point: exit codes, every format, where they are written, wrong use."""

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import defusedxml.ElementTree as ElementTree
import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from doctl.cli.app import run
from doctl.output import Format
from tests.cli.inventories import ETHERNET, HOSTILE, UNSEEN_VPN, inventory
from tests.output.pages import look_at_page

SCHEMA = json.loads(files("doctl.output").joinpath("schema", "report.json").read_text("utf-8"))
PASSES: list[dict[str, Any]] = [ETHERNET]
WARNS: list[dict[str, Any]] = [ETHERNET, UNSEEN_VPN]
NOTHING: list[dict[str, Any]] = []
HERE = {key: os.environ[key] for key in ("PATH", "HOME", "SYSTEMROOT") if key in os.environ}


def doctl(*arguments: str, folder: Path | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run doctl as a program of its own, in an environment of which only what is needed and what is given is there."""
    return subprocess.run(
        [sys.executable, "-m", "doctl", *arguments],
        cwd=folder,
        env=HERE | {"PYTHONUTF8": "1"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("adapters", "options", "code"),
    [
        (PASSES, [], 0),
        (PASSES, ["--fail-on", "warn"], 0),
        (WARNS, [], 0),
        (WARNS, ["--fail-on", "fail"], 0),
        (WARNS, ["--fail-on", "warn"], 1),
        (NOTHING, [], 3),
        (NOTHING, ["--fail-on", "warn"], 3),
        (PASSES, ["--format", "nagios"], 0),
        (WARNS, ["--format", "nagios"], 1),
        (WARNS, ["--format", "nagios", "--fail-on", "warn"], 1),
        (NOTHING, ["--format", "nagios"], 3),
    ],
)
def test_exit_code_is_that_of_the_worst_finding(
    adapters: list[dict[str, Any]], options: list[str], code: int, tmp_path: Path
) -> None:
    """The exit code follows from the report's status, --fail-on and the format."""
    assert run(["vpn", "--from", inventory(tmp_path, *adapters), "-q", *options]) == code


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 1),
        (["--fail-on", "warn"], 1),
        (["--format", "nagios"], 2),
        *((["--format", wanted], 1) for wanted in Format if wanted is not Format.NAGIOS),
    ],
)
def test_exit_code_of_a_failure_is_1_in_every_format_but_nagios(options: list[str], code: int, tmp_path: Path) -> None:
    """A report with a failure ends with 1, whatever the format; for Nagios that is CRITICAL."""
    allowlist = tmp_path / "allow.txt"
    allowlist.write_text("*.do.dsp.mp.microsoft.com\n", encoding="utf-8")
    asked = ["hosts", "--offline", "--allowlist", str(allowlist), "--set", "metadata"]
    assert run([*asked, *options]) == code


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--timeout", "0"], "--timeout"),
        (["--timeout", "-1"], "--timeout"),
        (["--timeout", "nan"], "--timeout"),
        (["--timeout", "inf"], "--timeout"),
        (["--timeout", "5s"], "--timeout"),
        (["--format", "pdf"], "--format"),
        (["--fail-on", "pass"], "--fail-on"),
        (["--output", "no/such/folder/x"], "does not exist"),
        (["--output", "."], "is a folder"),
        (["--bogus"], "--bogus"),
        (["extra"], "extra"),
    ],
)
@pytest.mark.parametrize("nagios", [False, True])
def test_wrong_use_is_one_clear_line(
    options: list[str], part: str, nagios: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong use is exit 2 and one line on stderr; for Nagios it is exit 3 and one line on stdout."""
    asked = ["--format", "nagios"] if nagios else []
    code = run(["vpn", "--from", inventory(tmp_path, ETHERNET), *asked, *options])
    out, err = capsys.readouterr()
    assert code == (3 if nagios else 2)
    line = out if nagios else err
    assert (err if nagios else out) == ""
    assert line.startswith("DOCTL UNKNOWN - " if nagios else "doctl: ")
    assert line.count("\n") == 1
    assert part in line


def test_what_is_no_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command is exit 2 and one line; no command at all shows the help, and is exit 2 as well."""
    assert run(["frobnicate"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert run([]) == 2
    assert "Usage: doctl" in capsys.readouterr().out


def read(wanted: Format, text: str) -> None:
    """Read ``text`` as the readers of its format do, and fail where they would."""
    match wanted:
        case Format.TEXT:
            assert "not_recognised" in text
        case Format.JSON:
            jsonschema.validate(json.loads(text), SCHEMA)
        case Format.JUNIT:
            assert ElementTree.fromstring(text).get("tests") == "4"
        case Format.NAGIOS:
            assert text.startswith("DOCTL VPN WARNING - 2 warnings, 2 passed | fail=0;")
        case Format.PROMETHEUS:
            assert list(text_string_to_metric_families(text))
        case Format.GITHUB:
            assert text.startswith("::warning title=vpn.adapter not_recognised::")
        case Format.HTML:
            look_at_page(text)


@pytest.mark.parametrize("wanted", Format)
def test_every_format_is_what_its_reader_takes(wanted: Format, tmp_path: Path) -> None:
    """Each format comes out of the real program, on stdout alone, and holds nothing that a terminal would obey."""
    source = inventory(tmp_path, ETHERNET, UNSEEN_VPN, HOSTILE)
    done = doctl("vpn", "--from", source, "--format", wanted)
    assert done.returncode == (1 if wanted is Format.NAGIOS else 0)
    assert done.stderr == ""
    read(wanted, done.stdout)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.stdout)


@pytest.mark.parametrize("wanted", Format)
def test_output_is_in_the_file_and_nowhere_else(wanted: Format, tmp_path: Path) -> None:
    """With --output nothing is printed, the file has what would have been, and no other file is left."""
    source = inventory(tmp_path, ETHERNET)
    place = tmp_path / "reports"
    place.mkdir()
    done = doctl("vpn", "--from", source, "--format", wanted, "--output", str(place / "r"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (place / "r").read_text(encoding="utf-8").strip()
    assert [file.name for file in place.iterdir()] == ["r"]


def test_report_names_command_host_and_program(tmp_path: Path) -> None:
    """The JSON report has the promised keys, the facts of each finding among them."""
    report = json.loads(doctl("vpn", "--from", inventory(tmp_path, *WARNS), "--format", "json").stdout)
    assert report["schema"] == "doctl.report/1"
    assert report["command"] == "vpn"
    assert report["tool"]["name"] == "doctl"
    assert report["host"]["name"]
    assert report["status"] == "warn"
    assert {finding["id"] for finding in report["findings"]} == {"vpn.adapter", "vpn.effect"}


def test_output_that_cannot_be_encoded_is_escaped(tmp_path: Path) -> None:
    """On a terminal that knows only ASCII the report is ASCII, with other letters escaped, not a traceback."""
    source = inventory(tmp_path, ETHERNET | {"name": "Büro 東京"})
    done = doctl("vpn", "--from", source, PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "B\\xfcro \\u6771\\u4eac" in done.stdout


def test_github_summary_is_added_to_the_page_of_the_run(tmp_path: Path) -> None:
    """With GITHUB_STEP_SUMMARY the Markdown summary is appended to that file, and the annotations are on stdout."""
    page = tmp_path / "summary.md"
    page.write_text("# Before\n", encoding="utf-8")
    done = doctl("vpn", "--from", inventory(tmp_path, *WARNS), "--format", "github", GITHUB_STEP_SUMMARY=str(page))
    assert done.stdout.startswith("::warning ")
    written = page.read_text(encoding="utf-8")
    assert written.startswith("# Before\n## ")
    assert "doctl vpn: warn" in written


def test_azure_summary_is_left_for_the_agent_to_upload(tmp_path: Path) -> None:
    """Under Azure DevOps the annotations are its own commands, and one of them uploads the summary."""
    folder = tmp_path / "agent"
    folder.mkdir()
    source = inventory(tmp_path, *WARNS)
    done = doctl("vpn", "--from", source, "--format", "github", TF_BUILD="True", AGENT_TEMPDIRECTORY=str(folder))
    assert done.stdout.startswith("##vso[task.logissue type=warning;")
    upload = done.stdout.splitlines()[-1]
    (file,) = folder.iterdir()
    assert upload == f"##vso[task.uploadsummary]{file}"
    assert "doctl vpn: warn" in file.read_text(encoding="utf-8")


def test_a_summary_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A step summary in a folder that is not there is exit 1 and one line; the report comes all the same."""
    source = inventory(tmp_path, ETHERNET)
    done = doctl("vpn", "--from", source, "--format", "github", GITHUB_STEP_SUMMARY=str(tmp_path / "no" / "file"))
    assert (done.returncode, done.stdout) == (1, "doctl vpn: pass: 2 passed\n")
    assert re.fullmatch(r"doctl: cannot write the summary: [^\n]+\n", done.stderr)


def test_a_reader_that_leaves_early_is_no_traceback(tmp_path: Path) -> None:
    """A pipe whose reader is gone ends doctl quietly."""
    command = [sys.executable, "-m", "doctl", "vpn", "--from", inventory(tmp_path, ETHERNET), "--format", "html"]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_format_that_is_not_installed_is_one_line_before_any_check(tmp_path: Path) -> None:
    """Where prometheus-client is missing, doctl names the extra, and the file it was to write is as it was."""
    (tmp_path / "prometheus_client.py").write_text("raise ImportError('not installed')", encoding="utf-8")
    file = tmp_path / "doctl.prom"
    file.write_text("old", encoding="utf-8")
    asked = ["vpn", "--from", inventory(tmp_path, ETHERNET), "--format", "prometheus", "--output", str(file)]
    done = doctl(*asked, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "doctl: --format prometheus needs an extra: pip install 'doctl-toolkit[prometheus]'\n"
    assert file.read_text(encoding="utf-8") == "old"


def test_a_bug_is_exit_70_and_one_line(tmp_path: Path) -> None:
    """What doctl was not written for ends in one line that says how to see more, and in a traceback only when asked."""
    (tmp_path / "prometheus_client.py").write_text("1 / 0", encoding="utf-8")
    asked = ["vpn", "--from", inventory(tmp_path, ETHERNET), "--format", "prometheus"]
    done = doctl(*asked, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (70, "")
    assert re.fullmatch(r"doctl: a bug in doctl \(ZeroDivisionError: [^\n]+ DOCTL_DEBUG=1 [^\n]+\n", done.stderr)
    assert "Traceback" in doctl(*asked, PYTHONPATH=str(tmp_path), DOCTL_DEBUG="1").stderr
