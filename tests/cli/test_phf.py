"""``doctl phf`` through the entry point: what it prints, what it writes, how it ends."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doctl.cli.app import run
from doctl.wire.hash_file import parse

PIECE = 1024
KEYS = [
    "hash_of_hashes",
    "declared_hash_of_hashes",
    "matches",
    "content_id",
    "content_length",
    "piece_size",
    "pieces",
]
RECORD = (
    b'{"MajorVersion":1,"MinorVersion":0,"HashOfHashes":"bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA=",'
    b'"ContentLength":244530,"PieceSize":1048576,"Pieces":["J/rmYNjGCeAgcDu0Y7ZgHmKBHcddsZl1vLfWjZWbUn0="]}'
)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a file of three and a half pieces of 1 KiB and its hash file."""
    (tmp_path / "f").write_bytes(bytes(range(256)) * 14)
    assert run(["phf", "create", str(tmp_path / "f"), "--piece-size", "1024"]) == 0
    return tmp_path


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 4 * PIECE])
def test_create_show_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str], length: int) -> None:
    """Files of any size, empty ones too, go all the way round with the right facts."""
    file, phf = tmp_path / "file.bin", tmp_path / "file.bin.phf"
    data = hashlib.shake_128(b"x").digest(length)
    file.write_bytes(data)
    assert run(["phf", "create", str(file), "--piece-size", str(PIECE)]) == 0
    hashes = tuple(hashlib.sha256(data[at : at + PIECE]).digest() for at in range(0, length, PIECE))
    assert parse(phf.read_bytes()).pieces == hashes
    capsys.readouterr()
    assert run(["phf", "show", str(phf), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == KEYS
    assert (shown["content_length"], shown["piece_size"], shown["pieces"]) == (length, PIECE, len(hashes))
    assert run(["phf", "verify", str(file), "--phf", str(phf)]) == 0
    assert f"as the hash file says: length {length:,}, pieces {len(hashes)}" in capsys.readouterr().out


def test_create_says_what_it_made(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text names the hash file and the identity; JSON has the path beside the keys of show."""
    assert run(["phf", "create", str(here / "f"), "--piece-size", "1024"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{here / 'f.phf'}\nHashOfHashes    ")
    assert run(["phf", "create", str(here / "f"), "--piece-size", "1024", "--format", "json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert list(made) == ["phf", *KEYS]
    assert made["phf"] == str(here / "f.phf")
    assert made["hash_of_hashes"] in text


def test_create_to_stdout_prints_the_hash_file_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With -o - the hash file is the result and no file is made."""
    (here / "g").write_bytes(b"g")
    assert run(["phf", "create", str(here / "g"), "-o", "-"]) == 0
    assert parse(capsys.readouterr().out.encode()).content_length == 1
    assert not (here / "g.phf").exists()


def test_pieces_are_a_mebibyte_unless_said(here: Path) -> None:
    """The default piece size is the one that Delivery Optimization itself uses."""
    assert run(["phf", "create", str(here / "f"), "-o", str(here / "other")]) == 0
    assert parse((here / "other").read_bytes()).piece_size == 1 << 20


def test_create_spares_another_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hash file that is there already, and differs, stays; --force replaces it."""
    before = (here / "f.phf").read_bytes()
    assert run(["phf", "create", str(here / "f")]) == 1
    assert "exists and holds something else; move it away or write --force" in capsys.readouterr().err
    assert (here / "f.phf").read_bytes() == before
    assert run(["phf", "create", str(here / "f"), "--force"]) == 0
    assert (here / "f.phf").read_bytes() != before


def test_show_of_the_real_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hash file of Microsoft's service is shown with its identity, in text and with -v piece by piece."""
    (tmp_path / "r.phf").write_bytes(RECORD)
    assert run(["phf", "show", str(tmp_path / "r.phf"), "-v"]) == 0
    assert capsys.readouterr().out == (
        "HashOfHashes    bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA=\n"
        "content id      DO-bLR-YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA\n"
        "content length  244,530 bytes\n"
        "pieces          1 of 1,048,576 bytes\n"
        "piece 0         J/rmYNjGCeAgcDu0Y7ZgHmKBHcddsZl1vLfWjZWbUn0=\n"
    )


def test_show_of_an_altered_hash_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A hash file that contradicts itself is shown with both identities and ends with exit code 1."""
    (tmp_path / "r.phf").write_bytes(RECORD.replace(b"244530", b"244531"))
    assert run(["phf", "show", str(tmp_path / "r.phf"), "--format", "json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["matches"] is False
    assert shown["declared_hash_of_hashes"] == "bLR+YkW147Gf10YSrQ6lgW3AC9E1aDesK3TaSr0DHJA="
    assert shown["hash_of_hashes"] != shown["declared_hash_of_hashes"]
    assert run(["phf", "show", str(tmp_path / "r.phf")]) == 1
    assert "WRONG: the hash file was altered or damaged" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("data", "pieces", "said"),
    [
        (bytes(256) + bytes(range(256)) * 13, [0], ["bad pieces (1 of 4): 0"]),
        (bytes(3584), [0, 1, 2, 3], ["bad pieces (4 of 4): 0-3"]),
        (bytes(1024) + bytes(range(256)) * 4 + bytes(1536), [0, 2, 3], ["bad pieces (3 of 4): 0, 2-3"]),
        (b"", [0, 1, 2, 3], ["too short: 0 bytes instead of 3,584", "bad pieces (4 of 4): 0-3"]),
        (bytes(range(256)) * 14 + b"x", [], ["too long: 3,585 bytes instead of 3,584"]),
    ],
)
def test_verify_names_what_differs(
    here: Path, capsys: pytest.CaptureFixture[str], data: bytes, pieces: list[int], said: list[str]
) -> None:
    """The exit code is 1, and bad pieces and another length are said in text and in JSON."""
    (here / "f").write_bytes(data)
    capsys.readouterr()
    assert run(["phf", "verify", str(here / "f"), "--phf", str(here / "f.phf")]) == 1
    assert capsys.readouterr().out.splitlines() == [f"{here / 'f'}: {line}" for line in said]
    assert run(["phf", "verify", str(here / "f"), "--phf", str(here / "f.phf"), "--format", "json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["matches"], facts["bad_pieces"], facts["file_length"]) == (False, pieces, len(data))
    assert (facts["content_length"], facts["piece_size"], facts["pieces"]) == (3584, 1024, 4)


@pytest.mark.parametrize("command", ["show", "verify"])
def test_the_result_goes_to_a_file(here: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """With --output the result is in the file and nowhere else."""
    capsys.readouterr()
    given = ["f.phf"] if command == "show" else ["f", "--phf", str(here / "f.phf")]
    out = here / "result.json"
    assert run(["phf", command, str(here / given[0]), *given[1:], "--format", "json", "--output", str(out)]) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["matches"] is True
    assert capsys.readouterr().out == ""


WRONG: list[tuple[str, int, str]] = [
    ("", 2, "Missing command"),
    ("make f", 2, "No such command"),
    ("create", 2, "Missing argument"),
    ("create nothing", 2, "nothing: no such file"),
    ("create .", 2, "not a regular file"),
    ("create f --piece-size 0", 2, "piece size 0 is out of range: 1,024 to 16,777,216 bytes"),
    ("create f --piece-size -5", 2, "piece size -5 is out of range"),
    ("create f --piece-size 16777217", 2, "piece size 16,777,217 is out of range"),
    ("create f --piece-size 1MiB", 2, "it should be a whole number"),
    ("create f --format junit", 2, "junit"),
    ("create f -o f", 2, "is the file that was hashed"),
    ("create f -o .", 2, "is a folder; name a file"),
    ("create f -o no/where", 2, "does not exist"),
    ("show", 2, "Missing argument"),
    ("show nothing", 2, "nothing: no such file"),
    ("show .", 2, "a folder, not a hash file"),
    ("show f", 1, "the hash file is not JSON"),
    ("show page", 1, "not a JSON object"),
    ("show f.phf --output no/where", 2, "does not exist"),
    ("verify f", 2, "--phf"),
    ("verify f --phf nothing", 2, "nothing: no such file"),
    ("verify nothing --phf f.phf", 2, "nothing: no such file"),
    ("verify . --phf f.phf", 2, "not a regular file"),
    ("verify f --phf page", 1, "not a JSON object"),
    ("verify f --phf altered.phf", 1, "it was altered or damaged"),
]


@pytest.mark.parametrize(("line", "code", "message"), WRONG)
def test_bad_input_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], line: str, code: int, message: str
) -> None:
    """Wrong use ends with 2, wrong hash files and full ways with 1; one line on stderr, nothing on stdout."""
    (here / "page").write_bytes(b"<html><script>" + b"{[" * 100 + b"</script>")
    (here / "altered.phf").write_bytes(RECORD.replace(b"244530", b"244531"))
    capsys.readouterr()
    names = {"f", "f.phf", ".", "nothing", "page", "altered.phf", "no/where"}
    assert run(["phf", *(str(here / word) if word in names else word for word in line.split())]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("doctl: ")
    assert said.err.count("\n") == 1
    assert message in said.err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_is_valid_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A byte that is no UTF-8 is told as in text, and not as half a character, which many parsers refuse."""
    file = tmp_path / os.fsdecode(b"b\xffad")
    file.write_bytes(b"content")
    assert run(["phf", "create", str(file), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["phf"] == f"{tmp_path}/b\\udcffad.phf"


def test_names_with_escapes_are_shown_harmlessly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file name that would colour or clear the terminal is written out instead."""
    if os.name == "nt":
        pytest.skip("Windows has no such file names")
    file = tmp_path / "a\x1b[2Jb"
    file.write_bytes(b"x")
    assert run(["phf", "create", str(file)]) == 0
    assert run(["phf", "verify", str(file), "--phf", f"{file}.phf"]) == 0
    assert run(["phf", "verify", f"{file}2", "--phf", f"{file}.phf"]) == 2
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert r"a\x1b[2Jb" in said.out


def test_the_program_itself(tmp_path: Path) -> None:
    """As a process of its own: the hash file on stdout, nothing on stderr, exit codes as promised."""
    file, phf = tmp_path / "f", tmp_path / "f.phf"
    file.write_bytes(b"abc")
    doctl = [sys.executable, "-m", "doctl", "phf"]
    made = subprocess.run([*doctl, "create", file, "-o", "-"], capture_output=True, check=False)
    assert (made.returncode, made.stderr) == (0, b"")
    assert json.loads(made.stdout)["Pieces"] == [base64.b64encode(hashlib.sha256(b"abc").digest()).decode()]
    phf.write_bytes(made.stdout)
    file.write_bytes(b"abd")
    checked = subprocess.run([*doctl, "verify", file, "--phf", phf], capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (1, b"")
    assert checked.stdout.decode().rstrip() == f"{file}: bad pieces (1 of 1): 0"


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("quiet", "shown"), [([], True), (["-q"], False)])
def test_progress_is_shown_on_a_terminal_only_and_not_when_quiet(tmp_path: Path, quiet: list[str], shown: bool) -> None:
    """On a terminal stderr has a progress bar unless -q; stdout has the result alone."""
    (tmp_path / "f").write_bytes(b"abc")
    master, slave = os.openpty()
    try:
        line = [sys.executable, "-m", "doctl", "phf", "create", "f", "-o", "-", *quiet]
        made = subprocess.run(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=slave, check=True)
        os.close(slave)
        assert (b"Hashing" in _all_of(master)) is shown
    finally:
        os.close(master)
    assert parse(made.stdout).content_length == 3


def _all_of(terminal: int) -> bytes:
    """Read until the other end is closed, which Linux tells as an error and others as the end."""
    said = b""
    try:
        while more := os.read(terminal, 65536):
            said += more
    except OSError:
        pass
    return said
