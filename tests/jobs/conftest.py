"""What several of these tests share."""

import sys
from pathlib import Path

import pytest

from doctl.jobs.upload_count import count_file


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a folder of our own for what is kept between runs; return the file that counts uploads."""
    if sys.platform == "win32":
        pytest.skip("no environment variable moves the folder where Windows keeps what programs remember")
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "kept"))
    file = count_file()
    assert file.is_relative_to(tmp_path)
    return file
