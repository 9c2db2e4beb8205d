"""Main effects of an orthogonal sweep: the mean and signal-to-noise ratio of each value of an axis.

The mean of a value is over the rows that have it, a row being a mean over its seeds. A trial that
did not pass has no number here: it is named, and every mean it is missing from is marked
unbalanced.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from espalier.analysis.confidence import Interval, interval
from espalier.analysis.rank import Configuration, Ranking, TrialResult, rank
from espalier.core.measures import Measure
from espalier.core.records import PlanHeader

Levels = Mapping[str, Sequence[str]]
"""The axes of an array and their values, both in file order."""


@dataclass(frozen=True)
class Level:
    """One value of an axis; `planned` trials have it, `n` of them are counted.

    `effect` is its mean minus that of all rows, paired by seed, over the seeds that passed in
    every row. `ratio` is the mean signal-to-noise ratio of its rows in dB.
    """

    value: str
    mean: float | None
    effect: Interval | None
    ratio: float | None
    n: int
    planned: int

    @property
    def balanced(self) -> bool:
        """Whether every planned trial is counted, so that the other axes cancel out."""
        return self.n == self.planned


@dataclass(frozen=True)
class Effects:
    """The main effects on the measure `by`; None stands for what no trial passed for."""

    by: Measure
    grand: float | None  # the mean of all rows
    axes: Mapping[str, tuple[Level, ...]]
    lost: tuple[TrialResult, ...]  # planned and not counted
    rows: tuple[Configuration, ...]

    @property
    def best(self) -> dict[str, str]:
        """The best value of each axis by its mean; empty if an axis has a value without one."""
        if any(level.mean is None for levels in self.axes.values() for level in levels):
            return {}
        return {name: level.value for name, level in self.chosen.items()}

    @property
    def chosen(self) -> dict[str, Level]:
        """The best value of each axis by its mean, with all that is known of it."""
        return {name: self._best(levels) for name, levels in self.axes.items()}

    @property
    def predicted(self) -> float | None:
        """The grand mean plus each best value's distance from it: what it is if effects add up."""
        if self.grand is None or not self.best:
            return None
        means = [self._best(levels).mean or 0.0 for levels in self.axes.values()]
        return self.grand + math.fsum(mean - self.grand for mean in means)

    @property
    def run(self) -> Configuration | None:
        """The row of the best combination, if it is one."""
        values = self.best.items()
        rows = (row for row in self.rows if values and values <= row.first.config.items())
        return next(rows, None)

    @property
    def balanced(self) -> bool:
        """Whether every planned trial is counted."""
        return not self.lost

    def _best(self, levels: Iterable[Level]) -> Level:
        return max(levels, key=lambda level: self.by.sign * (level.mean or 0.0))


def signal_to_noise(values: Sequence[float], larger: bool) -> float | None:
    """Return Taguchi's ratio over replicates, in dB, more always being better, or None.

    Larger is better: -10 log10 mean(1/y^2), which needs values above 0. Smaller is better:
    -10 log10 mean(y^2), which needs one that is not 0.
    Source: Taguchi 1987, "System of Experimental Design".
    """
    if not values or (larger and min(values) <= 0):
        return None
    losses = [value**-2 if larger else value**2 for value in values]
    mean = math.fsum(losses) / len(losses)
    return -10 * math.log10(mean) if mean else None


def levels_of(header: PlanHeader) -> Levels:
    """Return the axes of the array in a plan's header; empty for a grid."""
    values = {axis["symbol"]: axis["values"] for axis in header.axes}
    columns = header.design.get("axes", [])
    return {column["symbol"]: values[column["symbol"]] for column in columns}


def main_effects(results: Sequence[TrialResult], by: str, levels: Levels) -> Effects:
    """Return the effects of `levels` on what ranks by `by`, a text of `RANK_BY`.

    Raises UserError if it is none.
    """
    ranking = rank(results, by)
    measure, rows = ranking.measure, _rows(ranking)
    counted = {item.trial.number for row in rows for item in row.counted}
    lost = tuple(item for item in results if item.trial.number not in counted)
    axes = {
        name: tuple(_level(rows, name, value, measure) for value in values)
        for name, values in levels.items()
    }
    return Effects(measure, _mean(rows), axes, lost, rows)


def _rows(ranking: Ranking) -> tuple[Configuration, ...]:
    """Return every configuration, in plan order."""
    every = ranking.ranked + ranking.unranked
    return tuple(sorted(every, key=lambda row: row.results[0].trial.number))


def _level(rows: Sequence[Configuration], name: str, value: str, by: Measure) -> Level:
    own = [row for row in rows if row.first.config.get(name) == value]
    n = sum(len(row.scores) for row in own)
    planned = sum(len(row.results) for row in own)
    return Level(value, _mean(own), _effect(own, rows), _ratio(own, by), n, planned)


def _mean(rows: Iterable[Configuration]) -> float | None:
    means = [row.score.mean for row in rows if row.score]
    return math.fsum(means) / len(means) if means else None


def _effect(own: Sequence[Configuration], rows: Sequence[Configuration]) -> Interval | None:
    """Return the mean of `own` minus that of all `rows`, over the seeds that all rows have."""
    draws = [draw for draw in rows[0].scores if all(draw in row.scores for row in rows)]
    return interval([_at(own, draw) - _at(rows, draw) for draw in draws])


def _at(rows: Sequence[Configuration], draw: tuple[str, ...]) -> float:
    return math.fsum(row.scores[draw] for row in rows) / len(rows)


def _ratio(rows: Sequence[Configuration], by: Measure) -> float | None:
    """Return the mean ratio of the rows that have a score; None if one is undefined."""
    scored = [list(row.scores.values()) for row in rows if row.scores]
    ratios = [signal_to_noise(values, by.larger) for values in scored]
    defined = [ratio for ratio in ratios if ratio is not None]
    return math.fsum(defined) / len(defined) if defined and len(defined) == len(ratios) else None
