"""What several of these tests share."""

import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import doctl
from tests import toolbox

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="session")
def windows_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder that holds doctl, as it was imported here, and its tests with what they read."""
    home = tmp_path_factory.mktemp("windows")
    ours = Path(__file__).parents[2]
    for folder in (Path(doctl.__file__).parent, ours / "tests", ours / "docs"):
        shutil.copytree(folder, home / folder.name)  # what is compiled too, which is good there as well
    shutil.copy(ours / "pyproject.toml", home)
    return home


@pytest.fixture(scope="session")
def windows_python(windows_home: Path) -> Iterator[Run]:
    """Give ``run(*arguments, timeout=300)``, which runs Windows' Python and tells it a Path as it names it: ``Z:``."""
    python = toolbox.windows_python()
    with python.running():
        yield functools.partial(python, cwd=windows_home)


@pytest.fixture(scope="session")
def windows(windows_python: Run) -> Run:
    """Give ``run(*arguments, timeout=300)``, which runs doctl on Windows' Python."""
    return functools.partial(windows_python, "-m", "doctl")
