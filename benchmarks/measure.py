"""Times whole processes in turn, A B A B, so that a machine whose speed drifts drifts for both."""

import contextlib
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Run:
    """One process from start to end: wall and processor seconds, and the most memory it held (MiB)."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Figures:
    """The runs of one contender."""

    name: str
    runs: tuple[Run, ...]

    @property
    def wall(self) -> float:
        """Median wall seconds."""
        return statistics.median(run.wall for run in self.runs)

    def as_json(self) -> dict[str, object]:
        """Return every figure, for the results file."""
        return {
            "name": self.name,
            "wall_s": [round(run.wall, 3) for run in self.runs],
            "cpu_s": [round(run.cpu, 3) for run in self.runs],
            "memory_mib": [round(run.memory, 1) for run in self.runs],
        }


def run(command: Command, cwd: Path) -> Run:
    """Run ``command`` to its end, which must be a good one."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turn(
    contenders: Mapping[str, Command], cwd: Path, rounds: int, before: Callable[[], None] = lambda: None
) -> list[Figures]:
    """Run every contender once to warm up, then ``rounds`` times in turn; ``before`` clears up before each run."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, command in contenders.items():
            before()
            figures = run(command, cwd)
            if number:
                runs[name].append(figures)
    return [Figures(name, tuple(each)) for name, each in runs.items()]


@contextlib.contextmanager
def running(command: Command, cwd: Path) -> Iterator[str]:
    """Run a server until the block ends; gives the first line it prints."""
    with subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()
