"""Where a result goes."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_standard_output_that_takes_no_more_is_one_line() -> None:
    """A full disk behind standard output is exit 1 and its reason, not a bug."""
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "doctl", "explain", "0x80D02002"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "doctl: cannot write to standard output: No space left on device\n"
