"""The count of a month's uploads: kept across runs and between several at once, whatever is in its file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doctl.jobs.upload_count import MOST_BYTES, MOST_COUNTED, UploadCount

MONTH, NEXT = "2026-01", "2026-02"


def put(file: Path, content: bytes) -> Path:
    """Write the file, and make its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def noted(count: int, month: str = MONTH) -> bytes:
    """Return what the file holds for so many bytes."""
    return json.dumps({"month": month, "bytes_to_internet": count}).encode()


def silent(line: str) -> None:
    """Hear nothing: a line would be a complaint."""
    raise AssertionError(line)


def test_runs_add_up(tmp_path: Path) -> None:
    """What one run sent is there for the next, and each byte is counted once."""
    file = tmp_path / "made" / "uploads.json"
    first = UploadCount(file, silent)
    assert [first.total(here, MONTH) for here in (0, 100, 100, 250)] == [0, 100, 100, 250]
    second = UploadCount(file, silent)
    assert [second.total(here, MONTH) for here in (0, 50)] == [250, 300]
    assert first.total(260, MONTH) == 310
    assert file.read_bytes() == noted(310)


def test_a_month_begins_at_nothing(tmp_path: Path) -> None:
    """What is new since the last look belongs to the month of the look; a clock that was wrong does no harm."""
    count = UploadCount(put(tmp_path / "uploads.json", noted(500, "2031-07")), silent)
    assert [count.total(here, month) for here, month in ((10, MONTH), (30, MONTH), (35, NEXT))] == [10, 30, 5]


def test_nothing_is_written_while_nothing_is_sent(tmp_path: Path) -> None:
    """A fetch from the LAN leaves no file behind."""
    assert UploadCount(tmp_path / "none" / "uploads.json", silent).total(0, MONTH) == 0
    assert not [*tmp_path.iterdir()]


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "a list": b"[1, 2]",
    "text": b'"2026-01"',
    "null": b"null",
    "no count": b'{"month": "2026-01"}',
    "no month": b'{"bytes_to_internet": 1}',
    "a month that is none": b'{"month": 1, "bytes_to_internet": 1}',
    "a count below zero": noted(-1),
    "a count beyond all": noted(MOST_COUNTED + 1),
    "a count in text": b'{"month": "2026-01", "bytes_to_internet": "1"}',
    "true": b'{"month": "2026-01", "bytes_to_internet": true}',
    "a fraction": b'{"month": "2026-01", "bytes_to_internet": 1.5}',
    "not a number": b'{"month": "2026-01", "bytes_to_internet": NaN}',
    "thousands of digits": b'{"month": "2026-01", "bytes_to_internet": ' + b"9" * 900 + b"}",
    "too deep": b"[" * 1000,
    "no UTF-8": b"\xff\xfe\x00",
    "too much": noted(1).ljust(MOST_BYTES + 1),
    "gigabytes": b" " * 4_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_count_is_one_line(name: str, tmp_path: Path) -> None:
    """It is told once, the month begins at nothing, and the next upload puts it right."""
    file, said = put(tmp_path / "uploads.json", HOSTILE[name]), list[str]()
    count = UploadCount(file, said.append)
    assert [count.total(here, MONTH) for here in (0, 0, 70)] == [0, 0, 70]
    assert len(said) == 1
    assert said[0].startswith(f"{file} is no count of uploads (")
    assert "\n" not in said[0]
    assert UploadCount(file, silent).total(0, MONTH) == 70


@pytest.mark.parametrize("what", ["a folder", "a file for a folder", "a pipe"])
def test_a_place_that_cannot_be_written(what: str, tmp_path: Path) -> None:
    """What this run sends counts all the same, one line says why no more than that, and nobody is held up."""
    file, said = tmp_path / "state" / "uploads.json", list[str]()
    if what == "a folder":
        file.mkdir(parents=True)
    elif what == "a file for a folder":
        put(tmp_path / "state", b"")
    elif hasattr(os, "mkfifo"):
        file.parent.mkdir()
        os.mkfifo(file)
    else:
        pytest.skip("this system has no named pipes")
    count = UploadCount(file, said.append)
    assert [count.total(here, MONTH) for here in (0, 40, 90)] == [0, 40, 90]
    assert len(said) == 1
    assert said[0].startswith("uploads of other runs do not count: ")


ADDING = """
import sys
from pathlib import Path
from doctl.jobs.upload_count import UploadCount
count = UploadCount(Path(sys.argv[1]), sys.exit)
for here in [*range(101), *[100] * 20]:  # who finds others at it tries again the next time
    count.total(here, "2026-01")
"""


def test_several_at_once_lose_nothing(tmp_path: Path) -> None:
    """Three processes that write at the same time leave the sum of what they sent."""
    file = tmp_path / "uploads.json"
    command = [sys.executable, "-c", ADDING, str(file)]
    adding = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=100)[1] for process in adding] == [""] * 3
    assert json.loads(file.read_text()) == {"month": MONTH, "bytes_to_internet": 300}
