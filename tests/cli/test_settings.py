"""``doctl settings`` as a program."""

import json
import os
import subprocess
import sys
from pathlib import Path

FILE = """
[settings]
DODownloadMode = 2

[[boundary]]
name = "VPN"
cidr = ["10.8.0.0/16"]
download_mode = 0
"""


def settings(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "doctl", "settings", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_every_setting_says_where_it_came_from(tmp_path: Path) -> None:
    """The option beats the file, the file the environment, that the default; a boundary group decides at an address."""
    file = tmp_path / "do.toml"
    file.write_text(FILE)
    done = settings(
        "--file", file, "--set", "DOMaxCacheSize=30", "--address", "10.8.0.5", "--format", "json", DOCTL_DOCACHEHOST="c"
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    made = {name: (row["value"], row["origin"]) for name, row in found["settings"].items()}
    assert found["schema"] == "doctl.settings/1"
    assert len(made) == 29
    assert made["DODownloadMode"] == (0, "boundary")
    assert made["DOMaxCacheSize"] == (30, "option")
    assert made["DOCacheHost"] == ("c", "environment")
    assert made["DOMaxCacheAge"] == (259200, "default")
    outside = settings("--file", file, "--address", "192.0.2.1").stdout.splitlines()
    assert outside[0].split() == ["DODownloadMode", "2", "Group", "file", str(file)]
    assert outside[-1] == "boundary groups were asked about 192.0.2.1"


def test_wrong_use_is_one_line() -> None:
    """An address that is none, and a setting that does not exist, are exit 2."""
    for arguments in (("--address", "x"), ("--set", "DOMode=1")):
        done = settings(*arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
