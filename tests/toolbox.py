"""The big tools of tests, set up once for each user and kept: Wireshark's dissector and Windows' own Python."""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import need

TOOLS = Path(__file__).parent / "tools"
PROJECT: Mapping[str, Any] = tomllib.loads((TOOLS.parents[1] / "pyproject.toml").read_text())
CACHE = Path.home() / ".cache" / "doctl-tests"
LINUX_ONLY = re.compile(
    r"doctl-toolkit|build\b|import-linter|mypy|ruff|types-"
)  # the rest of group dev runs on Windows
NOT_THEIRS = ("DISPLAY", "SSL_CERT_FILE", "CI", "PYTHONDONTWRITEBYTECODE")
MARKERS_MISSED = ("colorama", "typing-extensions")  # wanted on Windows; pip judges markers by the machine it runs on
SOUGHT_IN_VAIN = ("sniffio",)  # httpcore looks for it a dozen times a request; under Wine a search takes milliseconds


def tshark_root() -> Path:
    """Return the folder of a tshark that knows MS-DO: TSHARK_ROOT's, else one unpacked into the user's cache."""
    if given := os.environ.get("TSHARK_ROOT"):
        return Path(given)
    return kept(CACHE / "tshark", TOOLS / "tshark-setup.sh")


def decode(capture: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Let Wireshark's dissector judge ``capture``: exit 0 says every byte was a well-formed message (see the tool)."""
    decoder: list[str | Path] = [sys.executable, TOOLS / "msdo-decode", "--root", tshark_root()]
    return subprocess.run([*decoder, *options, capture], capture_output=True, encoding="utf-8", check=False)


def windows_path(path: Path) -> str:
    """Return how a Windows program under Wine names ``path``: drive Z: is the root of the file system."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


@dataclass(frozen=True)
class WindowsPython:
    """Windows' CPython 3.11 under Wine, with everything doctl and its tests need."""

    folder: Path

    def __call__(self, *arguments: str | Path, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run it in ``cwd``, whose modules it can import; a Path among ``arguments`` is told as Windows names it."""
        told = [windows_path(each) if isinstance(each, Path) else each for each in arguments]
        return subprocess.run(
            ["wine", self.folder / "py" / "python.exe", *told],
            cwd=cwd,
            env=self._environment() | {"PYTHONPATH": windows_path(cwd)},
            stdin=subprocess.DEVNULL,  # all three streams must be pipes or nothing: with a file Python dies under Wine
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Keep Wine running, since its start takes seconds, and end it where no other tests use it."""
        import fcntl  # Windows has none, and no need of these tools

        with self.folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            self._wine("wineserver", "-p60")  # the seconds that it stays where this process is killed
            self._wine("wine", "wineboot")  # what runs beside it has no pipe of ours then, which would stay open
            try:
                yield
            finally:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._wine("wineserver", "-k")

    def _wine(self, *command: str) -> None:
        nothing = subprocess.DEVNULL
        subprocess.run(command, env=self._environment(), stdin=nothing, stdout=nothing, stderr=nothing, check=False)

    def _environment(self) -> dict[str, str]:
        theirs = {k: v for k, v in os.environ.items() if k not in NOT_THEIRS}
        prefix = {"WINEPREFIX": str(self.folder / "prefix"), "WINEDEBUG": "-all"}
        return theirs | prefix | {"PYTHONUTF8": "1"}


def windows_python() -> WindowsPython:
    """Return Windows' Python, set up in the user's cache when it is not there or doctl's requirements changed."""
    for program in ("wine", "wineboot", "x86_64-w64-mingw32-gcc"):
        need.program(program)
    return WindowsPython(kept(CACHE / "wine", TOOLS / "wine-python.sh", *_windows_requirements()))


def _windows_requirements() -> list[str]:
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = [*PROJECT["project"]["dependencies"], *(each for extra in extras for each in extra)]
    wanted += [each for each in PROJECT["dependency-groups"]["dev"] if not LINUX_ONLY.match(each)]
    return [*wanted, *MARKERS_MISSED, *SOUGHT_IN_VAIN]


def kept(folder: Path, script: Path, *arguments: str) -> Path:
    """Let ``script FOLDER ARGUMENTS`` fill ``folder``, once, and anew when any of these changes; return the folder.

    The mark is set last, so a set-up that was cut short is started over; the lock goes on to the script, so nobody
    starts over while one is still at work, or while somebody who shares the lock uses the tool.
    """
    import fcntl  # as above

    mark, recipe = folder / ".made-by", hashlib.sha256(repr([script.read_text(), arguments]).encode()).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        for hold in (fcntl.LOCK_SH, fcntl.LOCK_EX):
            fcntl.flock(lock, hold)
            if mark.exists() and mark.read_text() == recipe:
                return folder
        _make(folder, [script, folder, *arguments], lock.fileno())
        mark.write_text(recipe)
    return folder


def _make(folder: Path, command: Sequence[str | Path], lock: int) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    log = folder.with_suffix(".log")
    environment = {**os.environ, "PYTHON": sys.executable}
    with log.open("wb") as out:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, pass_fds=[lock], check=False
        )
    if done.returncode:
        said = log.read_text(errors="replace").strip().splitlines()[-1:]
        need.absent(f"could not set up {folder} ({log} says why): {' '.join(said)}")
