"""Times whole processes in turn, A B A B, so that a machine whose speed drifts drifts for both."""

import contextlib
import random
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[str | Path]
TIMED = (sys.executable, "-I", "-S", str(Path(__file__).with_name("timed.py")))


@dataclass(frozen=True)
class Run:
    """One process from start to end: wall and processor seconds, and the most memory it held (MiB)."""

    wall: float
    cpu: float
    memory: float


def run(command: Command, cwd: Path, good: Collection[int] = (0,)) -> Run:
    """Run ``command`` to its end, which must be with an exit code of ``good``."""
    done = subprocess.run([*TIMED, *command], cwd=cwd, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    code, wall, cpu, memory = map(float, done.stdout.split())
    if code not in good:
        raise RuntimeError(f"{command[0]} ended with {code:.0f}")
    return Run(wall, cpu, memory / 1024)


def in_turn(
    contenders: Mapping[str, Command],
    cwd: Path,
    rounds: int,
    before: Callable[[], None] = lambda: None,
    good: Collection[int] = (0,),
) -> dict[str, list[Run]]:
    """Run every contender once to warm up, then ``rounds`` times, all in turn; ``before`` clears up before each run.

    Who comes after whom is chance: what one leaves to the system is not always the same other's to put up with.
    """
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, command in random.sample(list(contenders.items()), len(contenders)):
            before()
            taken = run(command, cwd, good)
            if number:
                runs[name].append(taken)
    return runs


@contextlib.contextmanager
def running(command: Command, cwd: Path) -> Iterator[tuple[str, int]]:
    """Run a server until the block ends; gives the first line it prints, and its process id."""
    with subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.kill()
