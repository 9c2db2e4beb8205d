"""Two or more measures at once: the configurations that no other beats. Pure functions.

By default the ranking measure stands against live parameters: who is best for its size. A
configuration is on the front if none is at least as good by all measures, and better by one. All
numbers are means over seeds; what the seeds say about a step of a front of two measures is its
`gain`. Configurations that were validated on different samples have fronts of their own.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from espalier.analysis.confidence import Interval
from espalier.analysis.rank import Configuration, Ranking, lead
from espalier.core.measures import LIVE_PARAMETERS, Measure

SIZE = LIVE_PARAMETERS.name
PER = 1000  # live parameters that efficiency is given for
COST = "cost_to_min_loss"


@dataclass(frozen=True)
class Point:
    """A ranked configuration by its mean in each of `over`, of which the first ranks.

    A mean is over counted trials, without rounding error that would break a tie.
    """

    item: Configuration
    over: tuple[Measure, ...]
    means: tuple[float, ...]

    @property
    def by(self) -> Measure:
        """The ranking measure."""
        return self.over[0]

    @property
    def score(self) -> float:
        """The mean of the ranking measure."""
        return self.means[0]

    @property
    def size(self) -> float:
        """The mean of the last measure: by default live parameters."""
        return self.means[-1]

    @property
    def efficiency(self) -> float | None:
        """The measure for each 1,000 live parameters; None where less of it is better."""
        is_size = len(self.over) == 2 and self.over[1].name == SIZE
        return PER * self.score / self.size if is_size and self.by.larger and self.size else None

    @property
    def cost(self) -> float | None:
        """Live parameters times epochs to the least validation loss, mean over seeds, if above 1.

        None if no trial has it, and where less of the ranking measure is better or size is not
        the other one.
        """
        cost = self.item.measure(COST)
        return cost.mean if cost and cost.mean > 1 and self.efficiency is not None else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the ranking measure over seeds; None for one seed."""
        scores = list(self.item.scores.values())
        return statistics.stdev(scores) if len(scores) > 1 else None

    @property
    def error(self) -> float | None:
        """The standard error of the score; None for one seed."""
        return None if self.deviation is None else self.deviation / len(self.item.scores) ** 0.5

    @property
    def goodness(self) -> tuple[float, ...]:
        """The means, signed so that more is better, the last measure first."""
        pairs = zip(self.over, self.means, strict=True)
        return tuple(by.sign * mean for by, mean in pairs)[::-1]

    def matches(self, other: Point) -> bool:
        """Return whether it is at least as good by every measure."""
        return all(a >= b for a, b in zip(self.goodness, other.goodness, strict=True))


@dataclass(frozen=True)
class Front:
    """Configurations validated on the same samples, and those of them that none beats.

    Both are in order of the last measure, the best first: by default the smallest. Of equals in
    all measures the first in the plan is on the front. `incomplete` lack seeds and are in neither,
    unless all do.
    """

    samples: dict[str, str]
    sized: tuple[Point, ...]
    points: tuple[Point, ...]
    incomplete: tuple[Configuration, ...]

    @property
    def over(self) -> tuple[Measure, ...]:
        """The measures, of which the first ranks."""
        return self.sized[0].over

    @property
    def by(self) -> Measure:
        """The measure that ranks."""
        return self.over[0]

    @property
    def gains(self) -> list[Interval | None]:
        """For each point, by how much it is better than that before it, in pairs of seeds.

        None of a front of more than two measures: there the one before may be better.
        """
        if len(self.over) > 2:
            return [None] * len(self.points)
        pairs = zip(self.points, self.points[1:], strict=False)
        return [None, *(lead(after.item, before.item, after.by) for before, after in pairs)]

    def cost_efficiency(self, point: Point) -> float | None:
        """Return the measure divided by the logarithm of the cost over the least such logarithm.

        The least is that of all configurations of the front; None where one of them has no cost.
        Source: the efficiency score of Chavlis and Poirazi 2025, Nature Communications 16:943.
        Differs: of measures of which more is better alone; costs are means over seeds.
        """
        if not self._least_cost or point.cost is None:
            return None
        return point.score * math.log(self._least_cost) / math.log(point.cost)

    @cached_property
    def _least_cost(self) -> float:
        """The least cost of all; 0 if one of them has none."""
        return min(point.cost or 0.0 for point in self.sized)

    @property
    def frugal(self) -> Point | None:
        """The first of two measures that is within one standard error of the best.

        None if the best has one seed only.
        Source: Breiman, Friedman, Olshen and Stone 1984, "Classification and Regression Trees".
        """
        best = self.points[-1]
        if best.error is None or len(self.over) > 2:
            return None
        reach = [
            point
            for point in self.points
            if best.by.sign * (best.score - point.score) <= best.error
        ]
        return reach[0]


def measures_over(ranking: Ranking) -> tuple[Measure, ...]:
    """Return the measures of a front: those of the ranking if they are several, else with size."""
    if len(ranking.measures) > 1:
        return ranking.measures
    return with_size(ranking)


def with_size(ranking: Ranking) -> tuple[Measure, ...]:
    """Return the measure that ranks and live parameters; it alone if it is these."""
    return tuple(dict.fromkeys((ranking.measure, LIVE_PARAMETERS)))


def fronts(ranking: Ranking) -> list[Front]:
    """Return a front for each set of validation samples, the best first.

    Measures that the ranking does not name have one only where sizes differ.
    """
    over = measures_over(ranking)
    every = by_samples(ranking, over) if len(over) > 1 else []
    named = len(ranking.measures) > 1
    return [front for front in every if named or len({point.size for point in front.sized}) > 1]


def by_samples(ranking: Ranking, over: Sequence[Measure]) -> list[Front]:
    """Return one for each set of validation samples, whatever its sizes, best first."""
    groups: dict[tuple[tuple[str, str], ...], list[Point]] = {}
    for point in points(ranking, over):
        groups.setdefault(tuple(sorted(point.item.samples.items())), []).append(point)
    return [_front(dict(samples), group) for samples, group in groups.items()]


def points(ranking: Ranking, over: Sequence[Measure]) -> list[Point]:
    """Return the ranked configurations that have every measure, in the order of the ranking."""
    return [
        Point(item, tuple(over), tuple(_mean(item, by) for by in over))
        for item in ranking.ranked
        if not _lacks(item, over)
    ]


def lacking(ranking: Ranking) -> list[Configuration]:
    """Return the ranked configurations that lack a measure of the front."""
    over = measures_over(ranking)
    return [item for item in ranking.ranked if _lacks(item, over)]


def front(items: Iterable[Point]) -> list[Point]:
    """Return those that none beats, the best in the last measure first."""
    best: list[Point] = []
    for point in sorted(items, key=_order):
        if not any(before.matches(point) for before in best):
            best.append(point)
    return best


def _lacks(item: Configuration, over: Iterable[Measure]) -> bool:
    return any(item.measure(by.name) is None for by in over)


def _mean(item: Configuration, by: Measure) -> float:
    values = [item.measure(by.name) for item in item.counted]
    return round(statistics.fmean(value for value in values if value is not None), 9)


def _front(samples: dict[str, str], group: Sequence[Point]) -> Front:
    complete = [point for point in group if point.item.complete]
    used = complete or group
    lost = [point.item for point in group if complete and not point.item.complete]
    return Front(samples, tuple(sorted(used, key=_order)), tuple(front(used)), tuple(lost))


def _order(point: Point) -> tuple[tuple[float, ...], int]:
    """Order by the last measure, the best first, then those before it, then place in the plan."""
    return tuple(-value for value in point.goodness), point.item.results[0].trial.number
