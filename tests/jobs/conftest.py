"""What several of these tests share."""

import sys
from pathlib import Path

import pytest

from doctl.jobs.upload_count import count_file


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a folder of our own for what is kept between runs, on systems where that can be chosen."""
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "kept"))


@pytest.fixture
def kept(tmp_path: Path, apart: None) -> Path:
    """Have such a folder, and return the file in it that counts uploads."""
    if sys.platform == "win32":
        pytest.skip("no environment variable moves the folder where Windows keeps what programs remember")
    file = count_file()
    assert file.is_relative_to(tmp_path)
    return file
