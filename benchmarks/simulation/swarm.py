"""A simulated swarm: what all its machines share, who comes and goes, and what is counted."""

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

from benchmarks.simulation.network import Clock, Line, Network

MOST_PEERS = 64
"""Connections of a machine."""


@dataclass(frozen=True)
class File:
    """What is fetched."""

    pieces: int
    piece_size: int

    @property
    def length(self) -> int:
        """Bytes in it."""
        return self.pieces * self.piece_size


@dataclass(frozen=True)
class Churn:
    """Who comes when and goes when.

    All come within ``arrival`` seconds. Of all machines the share ``quit`` is switched off within ``patience`` seconds
    of coming, if it is not done by then; who is done stays ``stay`` seconds on average.
    """

    arrival: float = 0.0
    quit: float = 0.0
    patience: float = 1.0
    stay: float = float("inf")


@dataclass
class Tally:
    """When each machine began and had everything; how many pieces the origin sent, and how many came in vain."""

    started: dict[int, float] = field(default_factory=dict)
    finished: dict[int, float] = field(default_factory=dict)
    from_origin: int = 0
    wasted: int = 0


class Machine(Protocol):
    """One machine that fetches the file, by whatever means; ``number`` is its place in the tally."""

    number: int

    @property
    def peers(self) -> int:
        """How many it is connected to."""
        ...

    def start(self, machines: int) -> None:
        """Begin; a tracker says how many machines there are."""
        ...

    def connect(self, other: Self) -> None:
        """Become peers, both ways."""
        ...

    def leave(self) -> None:
        """Be switched off."""
        ...


class Swarm:
    """The machines of one swarm and their origin on one network."""

    def __init__(self, file: File, origin: float, churn: Churn, *, delay: float, degree: int, seed: int) -> None:
        """``origin`` is its bytes a second; ``delay`` the seconds a message takes; ``degree`` the peers each calls."""
        self.file = file
        self.clock = Clock()
        self.network = Network(self.clock)
        self.origin = Line(origin, origin)
        self.delay = delay
        self.chance = random.Random(seed)
        self.tally = Tally()
        self._churn = churn
        self.degree = degree
        self._present: list[Machine] = []
        self._left = 0

    def run(self, machines: Sequence[Machine], until: float) -> Tally:
        """Let ``machines`` come and fetch until all that do not quit have finished, or so many seconds are over."""
        quitters = set(self.chance.sample(range(len(machines)), round(self._churn.quit * len(machines))))
        self._left = len(machines) - len(quitters)
        for machine in machines:
            arrival = self.chance.uniform(0, self._churn.arrival)
            self.clock.at(arrival, functools.partial(self._arrive, machine))
            if machine.number in quitters:
                end = arrival + self.chance.uniform(0, self._churn.patience)
                self.clock.at(end, functools.partial(self._give_up, machine))
        self.clock.run(until)
        return self.tally

    def done(self, machine: Machine) -> None:
        """Note that a machine has everything."""
        if machine.number not in self.tally.finished:
            self.tally.finished[machine.number] = self.clock.now
            self._left -= 1
        if self._left <= 0:
            self.clock.stop()
        elif self._churn.stay < float("inf"):
            self.clock.after(self.chance.expovariate(1 / self._churn.stay), functools.partial(self._go, machine))

    def _arrive(self, machine: Machine) -> None:
        self.tally.started[machine.number] = self.clock.now
        self._present.append(machine)
        machine.start(len(self._present))
        some = self.chance.sample(self._present, min(self.degree + 1, len(self._present)))
        for other in some:
            if other is not machine and other.peers < MOST_PEERS and machine.peers < MOST_PEERS:
                machine.connect(other)

    def _give_up(self, machine: Machine) -> None:
        if machine.number not in self.tally.finished:
            self._go(machine)

    def _go(self, machine: Machine) -> None:
        if machine in self._present:
            self._present.remove(machine)
            machine.leave()
