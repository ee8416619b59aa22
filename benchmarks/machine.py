"""What the figures depend on: the machine, and what its processes use of it."""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

QUIET: Final = 0.8
"""Cores that other programs may keep busy while figures are taken that they would change."""


def named() -> str:
    """Name the machine as far as a ratio depends on it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    cores = f"{os.cpu_count()} x {names[0] if names else platform.machine()}, {memory:.0f} GiB"
    return f"{cores}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


class Others:
    """Counts from now on how many cores other programs than this one and its children keep busy, on Linux."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._before = self._seconds()

    def cores(self) -> float:
        """Return how many in the mean; what the kernel does for our packets may be among it."""
        return max(0.0, self._seconds() - self._before) / (time.monotonic() - self._since)

    def _seconds(self) -> float:
        user, nice, system, _idle, _waiting, *rest = map(
            int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        )
        return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])


@contextlib.contextmanager
def ahead() -> Iterator[None]:
    """Let this program and those that it starts run ahead of others, where the system allows it."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, *before)


def quietest(measure: Callable[[], T], tries: int) -> tuple[T, float]:
    """Measure until other programs are quiet meanwhile, so often at most.

    Return what was measured while they kept the fewest cores busy, and how many these were.
    """
    taken: list[tuple[T, float]] = []
    while not taken or (len(taken) < tries and taken[-1][1] > QUIET):
        others = Others()
        result = measure()
        taken.append((result, others.cores()))
    return min(taken, key=lambda each: each[1])


def processor_seconds(pid: int) -> float:
    """Return what a process, its threads and its children have used so far; Linux counts it in nanoseconds."""
    used = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        used += int((task / "schedstat").read_text().split()[0]) / 1e9
        used += sum(processor_seconds(int(child)) for child in (task / "children").read_text().split())
    return used
