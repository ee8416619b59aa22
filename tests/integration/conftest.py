"""What several of these tests share."""

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import doctl
from tests import toolbox

Windows = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="session")
def windows_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder that holds doctl, as it was imported here, and its tests, so that Windows finds both there."""
    home = tmp_path_factory.mktemp("windows")
    ours = Path(__file__).parents[2]
    shutil.copytree(Path(doctl.__file__).parent, home / "doctl", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ours / "tests", home / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ours / "pyproject.toml", home)
    return home


@pytest.fixture(scope="session")
def windows(windows_home: Path) -> Windows:
    """Give ``run(*args, timeout=60)``, which runs doctl under Windows' Python; a Path is told as ``Z:\\...``."""
    python = toolbox.windows_python()

    def run(*arguments: str | Path, timeout: float = 60) -> CompletedProcess[str]:
        return python("-m", "doctl", *arguments, cwd=windows_home, timeout=timeout)

    return run
