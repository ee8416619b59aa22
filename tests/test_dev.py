"""``dev.py``: what can be seen of it without setting anything up."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import toolbox

TESTS = Path(__file__).parent
NEEDED = re.compile(r"need\.program\(\"([^\"]+)\"\)")


def test_every_program_that_tests_need_has_its_debian_package() -> None:
    """What a test asks ``need.program`` for, by name, is in the one list that dev.py installs from."""
    needed = {name for file in TESTS.rglob("*.py") for name in NEEDED.findall(file.read_text(encoding="utf-8"))}
    assert needed - set(toolbox.PROJECT["tool"]["dev"]["debian"]) == set()


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 0), (["tets"], 2), (["check", "x"], 2)])
def test_without_a_task_it_says_what_there_is(arguments: list[str], code: int) -> None:
    """Asked for help it shows the tasks; asked for what it does not have it does so too, as wrong use."""
    done = subprocess.run(
        [sys.executable, TESTS.parent / "dev.py", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert "dev.py test" in (done.stderr if code else done.stdout)
