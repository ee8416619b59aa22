"""Where a result goes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.inventories import ETHERNET, inventory


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(("arguments", "code"), [("explain 0x80D02002", 1), ("vpn --format nagios --from", 3)])
def test_standard_output_that_takes_no_more_is_one_line(tmp_path: Path, arguments: str, code: int) -> None:
    """A full disk behind standard output is exit 1, to Nagios 3, and its reason, not a bug."""
    with Path("/dev/full").open("wb") as full:
        source = [inventory(tmp_path, ETHERNET)] if arguments.endswith("--from") else []
        command = [sys.executable, "-m", "doctl", *arguments.split(), *source]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert done.stderr == "doctl: cannot write to standard output: No space left on device\n"
