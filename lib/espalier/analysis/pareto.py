"""The ranking measure against live parameters: who is best for its size. Pure functions.

A configuration is on the front if none is at least as good with as few live parameters, and better
or smaller. Scores and sizes are means over seeds; what the seeds say about a step of the front is
its `gain`. Configurations that were validated on different samples have fronts of their own.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from espalier.analysis.confidence import Interval
from espalier.analysis.rank import Configuration, Ranking, lead
from espalier.core.measures import Measure

SIZE = "live_parameters"
PER = 1000  # live parameters that efficiency is given for


@dataclass(frozen=True)
class Sized:
    """A ranked configuration with its live parameters, a mean over its counted trials."""

    item: Configuration
    size: float
    by: Measure

    @property
    def score(self) -> float:
        """The mean of the ranking measure, without rounding error that would break a tie."""
        return round(statistics.fmean(self.item.scores.values()), 9)

    @property
    def efficiency(self) -> float | None:
        """The measure for each 1,000 live parameters; None where less of it is better."""
        return PER * self.score / self.size if self.by.larger and self.size else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the measure over seeds; None for one seed."""
        scores = list(self.item.scores.values())
        return statistics.stdev(scores) if len(scores) > 1 else None

    @property
    def error(self) -> float | None:
        """The standard error of the score; None for one seed."""
        return None if self.deviation is None else self.deviation / len(self.item.scores) ** 0.5

    def beats(self, other: Sized) -> bool:
        """Return whether it is better, by whatever little."""
        return self.by.sign * (self.score - other.score) > 0


@dataclass(frozen=True)
class Front:
    """Configurations validated on the same samples, smallest first, and the best for their size.

    `points` are not dominated by any; of equals in both the first in the plan is there.
    `incomplete` lack seeds and are in neither, unless all do.
    """

    samples: dict[str, str]
    sized: tuple[Sized, ...]
    points: tuple[Sized, ...]
    incomplete: tuple[Configuration, ...]

    @property
    def by(self) -> Measure:
        """What is set against parameters."""
        return self.sized[0].by

    @property
    def gains(self) -> list[Interval | None]:
        """For each point, by how much it is better than the one before, in pairs of seeds."""
        pairs = zip(self.points, self.points[1:], strict=False)
        return [None, *(lead(after.item, before.item, after.by) for before, after in pairs)]

    @property
    def frugal(self) -> Sized | None:
        """The smallest within one standard error of the best; None if that has one seed only.

        Source: Breiman, Friedman, Olshen and Stone 1984, "Classification and Regression Trees".
        """
        best = self.points[-1]
        if best.error is None:
            return None
        reach = [
            point
            for point in self.points
            if best.by.sign * (best.score - point.score) <= best.error
        ]
        return reach[0]


def fronts(ranking: Ranking) -> list[Front]:
    """Return a front for each set of validation samples with different sizes, best first."""
    return [
        front for front in by_samples(ranking) if len({point.size for point in front.sized}) > 1
    ]


def by_samples(ranking: Ranking) -> list[Front]:
    """Return one for each set of validation samples, whatever its sizes, best first."""
    groups: dict[tuple[tuple[str, str], ...], list[Sized]] = {}
    for point in sized(ranking):
        groups.setdefault(tuple(sorted(point.item.samples.items())), []).append(point)
    return [_front(dict(samples), group) for samples, group in groups.items()]


def sized(ranking: Ranking) -> list[Sized]:
    """Return the ranked configurations that report their size, in the order of the ranking."""
    pairs = ((item, item.measure(SIZE)) for item in ranking.ranked)
    return [Sized(item, size.mean, ranking.measure) for item, size in pairs if size is not None]


def front(items: Iterable[Sized]) -> list[Sized]:
    """Return those that none dominates, smallest first, so that each is better than the last."""
    points: list[Sized] = []
    for point in sorted(items, key=_order):
        if not points or point.beats(points[-1]):
            points.append(point)
    return points


def _front(samples: dict[str, str], group: Sequence[Sized]) -> Front:
    complete = [point for point in group if point.item.complete]
    used = complete or group
    lost = [point.item for point in group if complete and not point.item.complete]
    return Front(samples, tuple(sorted(used, key=_order)), tuple(front(used)), tuple(lost))


def _order(point: Sized) -> tuple[float, float, int]:
    """Order by size, then score, then place in the plan."""
    return (point.size, -point.by.sign * point.score, point.item.results[0].trial.number)
