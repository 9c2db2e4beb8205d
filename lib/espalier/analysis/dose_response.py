"""Ladders: one numeric symbol step by step, and where on it a measure falls from high to low.

For each ladder a logistic curve in the logarithm of the symbol, d50 (where it is half-way between
its two plateaus) with an interval over seeds, and how far the means are from monotone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from espalier.analysis.confidence import interval, t_quantile
from espalier.analysis.logistic_fit import Array, Grid, Logistic
from espalier.analysis.rank import Configuration, Ranking, swept_values
from espalier.core.errors import UserError
from espalier.core.measures import Measure

FEWEST = 4
"""Rungs that a curve of four numbers needs."""
SEEDS = 2
"""Seeds that an interval needs, the same on all rungs."""
ROUNDING = 1e-9
"""What differences are lost in, as a part of the scores."""


@dataclass(frozen=True)
class LadderPoint:
    """One value of the symbol and its configuration."""

    value: float
    item: Configuration

    @property
    def scores(self) -> list[float]:
        """The measure, a seed each."""
        return list(self.item.scores.values())


@dataclass(frozen=True)
class Ladder:
    """What one ladder says. `rest` are the other swept symbols, the same on all rungs.

    `ends` is the 95 % interval of d50, over `seeds` that passed on all rungs; None if these are
    too few. `off` is how far the means are from a monotone curve at most, `deviation` the
    standard deviation of a seed; None where no rung has two.
    """

    symbol: str
    by: Measure
    rest: Mapping[str, str]
    rungs: tuple[LadderPoint, ...]
    curve: Logistic
    seeds: int
    ends: tuple[float, float] | None
    off: float
    deviation: float | None

    @property
    def octaves(self) -> float | None:
        """The width of the interval, in factors of two."""
        return None if self.ends is None else math.log2(self.ends[1] / self.ends[0])

    @property
    def located(self) -> bool:
        """Whether d50 lies within the ladder, with its interval."""
        if self.ends is None:
            return False
        return self.rungs[0].value < self.ends[0] and self.ends[1] < self.rungs[-1].value

    @property
    def violation(self) -> float | None:
        """How far the means are from monotone, in deviations of a seed; None without those."""
        if not self.off:
            return 0.0
        return self.off / self.deviation if self.deviation else None


def ladders(ranking: Ranking, symbol: str | None = None) -> list[Ladder]:
    """Fit a ladder over `symbol` for each rest of symbols; by default over that with most values.

    Raises UserError if there is none with enough rungs.
    """
    name = symbol or _only(ranking)
    groups: dict[tuple[tuple[str, str], ...], list[LadderPoint]] = {}
    for item in ranking.ranked:
        swept = swept_values(item.first)
        text = swept.pop(name, "")
        if (value := _positive(text)) is not None:
            groups.setdefault(tuple(sorted(swept.items())), []).append(LadderPoint(value, item))
    enough = [(rest, rungs) for rest, rungs in groups.items() if len(rungs) >= FEWEST]
    if not enough:
        rule = f"a ladder takes {FEWEST} or more different values above 0 that trials passed with"
        raise UserError(f"CONFIG_{name}: {rule}; sweep it over more, as in 1|0.5|0.2|0.1")
    return [
        climbed(name, ranking.measure, dict(rest), sorted(rungs, key=lambda rung: rung.value))
        for rest, rungs in enough
    ]


def _only(ranking: Ranking) -> str:
    """Return the symbol with the most numeric values."""
    if not ranking.ranked:
        rule = f"no trial has passed with a finite {ranking.measure.label}"
        raise UserError(f"{rule}, so there is no ladder")
    values: dict[str, set[str]] = {}
    for item in ranking.ranked:
        for name, text in swept_values(item.first).items():
            if _positive(text) is not None:
                values.setdefault(name, set()).add(text)
    longest = max(values, key=lambda name: len(values[name]), default=None)
    if longest is None:
        raise UserError("no swept symbol is a number above 0, so there is no ladder")
    return longest


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def climbed(
    symbol: str, by: Measure, rest: Mapping[str, str], rungs: Sequence[LadderPoint]
) -> Ladder:
    """Return a ladder of `rungs`, smallest value first."""
    scores = [rung.scores for rung in rungs]
    grid = Grid([rung.value for rung in rungs], by.maximum, by.minimum)
    curve = grid.fit(np.array([[fmean(values) for values in scores]]))[0]
    common = _common_seeds(rungs)
    ends = d50_interval(grid, curve, common) if common.shape[1] >= SEEDS else None
    off = distance_from_monotone(scores, curve.high >= curve.low)
    seeds, spread = common.shape[1], deviation(scores)
    return Ladder(symbol, by, rest, tuple(rungs), curve, seeds, ends, off, spread)


def _common_seeds(rungs: Sequence[LadderPoint]) -> Array:
    """Return (rungs, seeds) scores of the seeds that all rungs have."""
    by_draw = [rung.item.scores for rung in rungs]
    draws = [draw for draw in by_draw[0] if all(draw in scores for scores in by_draw)]
    return np.array([[scores[draw] for draw in draws] for scores in by_draw])


def d50_interval(grid: Grid, curve: Logistic, scores: Array) -> tuple[float, float]:
    """Return the 95 % interval of d50 from (rungs, seeds) scores, of two seeds or more.

    The t-interval over the curves of single seeds, in logarithms, about that of `curve`: it holds
    however seeds vary, and whether or not a seed is alike on all rungs. Where a cliff falls
    between two rungs all seeds may have the same d50 by the grid's choice. So the interval reaches
    to every place whose curve fits the means as well, by the F-test of a profile; over the whole
    gap if the curve is a step; and one step of the grid further.
    Source: Bates and Watts 1988, Nonlinear regression analysis, chapter 6, for the profile.
    """
    rungs, seeds = scores.shape
    own = interval([math.log(each.d50) for each in grid.fit(scores.T)])
    reach = own.half_width or 0.0 if own else 0.0
    variance = float(np.mean(scores.var(1, ddof=1))) / seeds  # of a mean
    slack = t_quantile(rungs * (seeds - 1)) ** 2 * variance  # F with 1 degree above is t squared
    middle = math.log(curve.d50)
    places = [*grid.places_within(scores.mean(1), slack), *(grid.gap(curve) or ())]
    low, high = min(middle - reach, *places), max(middle + reach, *places)
    return math.exp(low - grid.step), math.exp(high + grid.step)


def distance_from_monotone(scores: Sequence[Sequence[float]], rising: bool) -> float:
    """Return how far the means are at most from monotone; 0 if they are."""
    sign = 1 if rising else -1
    means = [sign * fmean(values) for values in scores]
    level = isotonic(means, [len(values) for values in scores])
    worst = max(abs(a - b) for a, b in zip(means, level, strict=True))
    return 0.0 if worst <= ROUNDING * max(map(abs, means)) else worst


def deviation(scores: Sequence[Sequence[float]]) -> float | None:
    """Return the standard deviation of one seed, pooled over rungs; None if none has two."""
    squares = sum((v - fmean(values)) ** 2 for values in scores for v in values)
    freedom = sum(len(values) - 1 for values in scores)
    if not freedom:
        return None
    spread = math.sqrt(squares / freedom)
    return 0.0 if spread <= ROUNDING * max(abs(v) for values in scores for v in values) else spread


def isotonic(means: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the non-decreasing values next to `means` in weighted squares.

    Source: Barlow et al. 1972, Statistical inference under order restrictions: neighbours that
    fall are pooled.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for mean, weight in zip(means, weights, strict=True):
        pools.append((mean, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m, i), (b, n, j) = pools.pop(-2), pools.pop(-1)
            pools.append(((a * m + b * n) / (m + n), m + n, i + j))
    return [mean for mean, _, count in pools for _ in range(count)]
