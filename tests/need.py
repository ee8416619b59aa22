"""What a test needs of the machine: skips with the reason where it is absent, fails there when ``CI=true``."""

import os
import shutil
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    """End the test because ``what`` is not here: a skip on a user's machine, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {what}")
    pytest.skip(what)


def root() -> None:
    """Need the rights of root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        absent("needs root")


def program(name: str) -> str:
    """Need a program and return its path; looks in the administrators' folders too."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    path = shutil.which(name, path=places)
    if path is None:
        absent(f"needs the program {name}")
    return path
