"""``doctl explain`` and ``doctl schema``, through the entry point."""

import json
from pathlib import Path

import jsonschema
import pytest

from doctl.cli.app import run
from doctl.error_codes import ERROR_CODES
from doctl.error_codes.row import ErrorCode
from doctl.jobs.fetch_result import FetchResult


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run doctl, want the exit code ``code`` and return what it wrote: to stdout, or to stderr where it failed."""
    assert run(arguments) == code
    out, err = capsys.readouterr()
    assert (out == "") == (code != 0)
    assert (err == "") == (code == 0)
    return out or err


def schema(capsys: pytest.CaptureFixture[str], kind: str) -> jsonschema.Draft202012Validator:
    """Return a validator for what ``doctl schema`` prints."""
    document = json.loads(said(capsys, "schema", kind))
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@pytest.mark.parametrize("text", ["0x80D03807", "80d03807", "-2133837817", "2161129479", "80D0 3807"])
def test_explain_takes_a_code_however_it_is_written(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Every way of writing a code, a negative number among them, is explained alike."""
    out = said(capsys, "explain", text)
    assert out.startswith("0x80D03807  paused  (-2133837817)\n  meaning  Peers are paused")
    assert "  setting  DOAllowVPNPeerCaching\n" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("row", ERROR_CODES, ids=str)
def test_explain_as_json_keeps_to_its_schema(capsys: pytest.CaptureFixture[str], row: ErrorCode) -> None:
    """Each of the codes is explained as JSON with the promised keys."""
    found = json.loads(said(capsys, "explain", str(row), "--format", "json"))
    schema(capsys, "explain").validate(found)
    assert (found["code"], found["decimal"], found["meaning"]) == (str(row), row.code - 2**32, row.meaning)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0x80D02102", "did you mean 0x80D02002 (The download made no progress"),
        ("0x80240022", "its codes begin with 0x80D0; of others Windows says more: certutil -error 0x80240022"),
        ("0", "0x00000000 is not a known code"),
    ],
)
def test_an_unknown_code_is_exit_1_and_one_line(capsys: pytest.CaptureFixture[str], text: str, part: str) -> None:
    """A code that is in no list is told in one line, with the nearest one where it is a digit off."""
    err = said(capsys, "explain", text, code=1)
    assert err.startswith("doctl: ")
    assert part in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["nonsense"], [""], ["\x1b[31m"], [], ["0x80D02002", "--format", "xml"], ["--bogus"]]
)
def test_wrong_use_of_explain_is_exit_2_and_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """What is no code, or no option, is wrong use."""
    err = said(capsys, "explain", *arguments, code=2)
    assert err.startswith("doctl: ")
    assert err.count("\n") == 1
    assert err.strip().isprintable()


def test_explain_writes_to_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """With --output the explanation is in the file and not on the terminal."""
    file = tmp_path / "code.json"
    assert run(["explain", "0x80D02002", "--format", "json", "--output", str(file)]) == 0
    assert capsys.readouterr() == ("", "")
    assert json.loads(file.read_text())["code"] == "0x80D02002"


@pytest.mark.parametrize("kind", ["report", "fetch", "explain"])
def test_schemas_are_schemas(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """What is printed for each kind of output is a valid JSON Schema."""
    schema(capsys, kind)


def test_a_fetch_result_keeps_to_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON of a fetch, even of one that has not begun, is what the schema says."""
    schema(capsys, "fetch").validate(json.loads(json.dumps(FetchResult().as_json())))
