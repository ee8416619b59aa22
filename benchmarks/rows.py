"""One claim as figures: what doctl has beside a rival or a limit in the same run, and what is aimed at."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Aim:
    """A bound on the ratio."""

    bound: float
    at_most: bool

    def holds(self, ratio: float) -> bool:
        """Whether ``ratio`` is on the right side."""
        return ratio <= self.bound if self.at_most else ratio >= self.bound

    def __str__(self) -> str:
        return f"at {'most' if self.at_most else 'least'} {self.bound:g}"


def at_least(bound: float) -> Aim:
    """Aim at a ratio of ``bound`` or more."""
    return Aim(bound, at_most=False)


def at_most(bound: float) -> Aim:
    """Aim at a ratio of ``bound`` or less."""
    return Aim(bound, at_most=True)


@dataclass(frozen=True)
class Row:
    """``ours`` and ``theirs`` in ``unit``, measured in turn: a pair for each round. The ratio is ours to theirs.

    ``beside`` names the rival or the limit; a limit is a single figure for all rounds. ``also`` has further figures for
    who wants to know: what they are, and one for each round.
    """

    job: str
    unit: str
    ours: Sequence[float]
    beside: str
    theirs: Sequence[float]
    aim: Aim
    also: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round."""
        theirs = self.theirs if len(self.theirs) > 1 else list(self.theirs) * len(self.ours)
        return [mine / other for mine, other in zip(self.ours, theirs, strict=True)]

    @property
    def ratio(self) -> float:
        """The median ratio."""
        return statistics.median(self.ratios)

    def as_json(self) -> dict[str, object]:
        """Return every figure, for the results file."""
        return {
            "job": self.job,
            "unit": self.unit,
            "doctl": _rounded(self.ours),
            "beside": self.beside,
            "has": _rounded(self.theirs),
            "ratio": _rounded([self.ratio, min(self.ratios), max(self.ratios)]),
            "aim": str(self.aim),
            "reached": self.aim.holds(self.ratio),
            "also": {what: _rounded(figures) for what, figures in self.also.items()},
        }


def _rounded(figures: Sequence[float]) -> list[float]:
    return [float(f"{figure:.4g}") for figure in figures]
