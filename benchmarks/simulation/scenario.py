"""Which swarms are simulated, how far from the bound each ends, and how that is drawn."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.simulation.bittorrent import BitTorrentMachine
from benchmarks.simulation.machine import DoctlMachine
from benchmarks.simulation.network import Line
from benchmarks.simulation.swarm import Churn, File, Machine, Swarm, Tally

MBIT = 125_000.0
FILE = File(32, 1 << 20)
"""Pieces of the size that Delivery Optimization uses, and few of them, so that 10,000 machines take minutes."""
ORIGIN = 50.0
LINES = ((0.25, 50.0, 50.0), (0.5, 20.0, 50.0), (0.25, 10.0, 25.0))
"""Shares of all machines, and Mbit/s up and down of each."""
DELAY = 0.005
DEGREE = 40
"""Peers that a machine calls; as many call it."""
CHURN = Churn(arrival=5.0, quit=0.1, patience=15.0, stay=20.0)
LONGEST = 600.0
EQUAL = {8: 25.0, 16: 6.25, 32: 3.125}
"""Mbit/s up of the machines of swarms of equals, as benchmarks.swarm measures them on two cores."""

Lines = Sequence[tuple[float, float, float]]


@dataclass(frozen=True)
class Outcome:
    """One swarm: seconds of the median and the slowest machine from its own start, the bound, and what was sent.

    ``lines`` is "mixed" or "equal"; ``from_origin`` is over the file, ``wasted`` over all that was wanted; ``done``
    counts who finished, ``left`` who was to and did not.
    """

    contender: str
    machines: int
    median: float
    slowest: float
    bound: float
    from_origin: float
    wasted: float
    done: int
    left: int
    lines: str = "mixed"

    @property
    def ratio(self) -> float:
        """How many times as long as the bound the slowest took."""
        return self.slowest / self.bound

    def __str__(self) -> str:
        return (
            f"{self.machines:6} machines, {self.lines}  {self.contender:<10} slowest {self.slowest:6.1f} s, "
            f"median {self.median:6.1f}, {self.ratio:5.2f} times the bound; "
            f"origin {self.from_origin:6.2f} times the file, "
            f"{100 * self.wasted:.1f} % in vain{f', {self.left} not done' if self.left else ''}"
        )


def doctl(swarm: Swarm, lines: Sequence[Line]) -> Sequence[Machine]:
    """Make machines that run doctl; what peers send gives way to what the origin sends, as uploads of doctl do."""
    swarm.origin.first = True
    return [DoctlMachine(swarm, number, line) for number, line in enumerate(lines)]


def bittorrent(swarm: Swarm, lines: Sequence[Line]) -> Sequence[Machine]:
    """Make machines that run BitTorrent, with the origin as a seed."""
    seed = BitTorrentMachine(swarm, -1, swarm.origin)
    seed.start(0)
    return [BitTorrentMachine(swarm, number, line, seed) for number, line in enumerate(lines)]


CONTENDERS: dict[str, Callable[[Swarm, Sequence[Line]], Sequence[Machine]]] = {
    "doctl": doctl,
    "BitTorrent": bittorrent,
}


def simulate(
    contender: str,
    machines: int,
    *,
    file: File = FILE,
    lines: Lines = LINES,
    origin: float = ORIGIN,
    churn: Churn = CHURN,
    degree: int = DEGREE,
    seed: int = 1,
) -> Outcome:
    """Run one swarm."""
    swarm = Swarm(file, origin * MBIT, churn, delay=DELAY, degree=degree, seed=seed)
    mixed = mix(machines, lines)
    swarm.chance.shuffle(mixed)
    tally = swarm.run(CONTENDERS[contender](swarm, mixed), LONGEST)
    return _judge(contender, file, origin, mixed, tally, round(churn.quit * machines))


def equals(contender: str, machines: int, *, seed: int = 1) -> Outcome:
    """Run one swarm of equal machines that all begin at once, as benchmarks.swarm does: 64 MiB, twice as much down."""
    up = EQUAL[machines]
    file, lines = File(64, 1 << 20), ((1.0, up, 2 * up),)
    outcome = simulate(contender, machines, file=file, lines=lines, origin=up, churn=Churn(), seed=seed)
    return replace(outcome, lines="equal")


def mix(machines: int, lines: Lines) -> list[Line]:
    """Return so many lines in these shares."""
    made: list[Line] = []
    upto = 0.0
    for share, up, down in lines:
        upto += share
        made += [Line(up * MBIT, down * MBIT) for _ in range(round(upto * machines) - len(made))]
    return made


def bound(file: File, origin: float, lines: Sequence[Line]) -> float:
    """Return the seconds that no method can beat: the origin's line, the slowest line down, all lines up together."""
    together = origin * MBIT + sum(line.up for line in lines)
    slowest = min(line.down for line in lines)
    return max(file.length / (origin * MBIT), file.length / slowest, len(lines) * file.length / together)


def _judge(contender: str, file: File, origin: float, lines: Sequence[Line], tally: Tally, quitters: int) -> Outcome:
    took = sorted(end - tally.started[number] for number, end in tally.finished.items()) or [LONGEST]
    return Outcome(
        contender,
        len(lines),
        median=statistics.median(took),
        slowest=took[-1],
        bound=bound(file, origin, lines),
        from_origin=tally.from_origin / file.pieces,
        wasted=tally.wasted / file.pieces / len(lines),
        done=len(tally.finished),
        left=max(0, len(lines) - quitters - len(tally.finished)),
    )
