"""Ladders: one numeric symbol step by step, and where on it a measure falls from high to low.

For each ladder a logistic curve in the logarithm of the symbol, d50 (where it is half-way between
its two plateaus) with a bootstrap interval, and how far the means are from monotone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt

from espalier.analysis.confidence import LEVEL
from espalier.analysis.rank import Configuration, Ranking, swept_values
from espalier.core.errors import UserError
from espalier.core.measures import Measure

FEWEST = 4
"""Rungs that a curve of four numbers needs."""
DRAWS = 1000
TAIL = (1 - LEVEL) / 2
CHUNK = 100  # draws fitted at a time, for memory's sake
PLACES, SLOPES = 161, np.geomspace(0.5, 30.0, 32)
"""What is tried: half-way points over the ladder, and slopes in units of 1 / ln(symbol)."""

Array = npt.NDArray[np.float64]


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
class Logistic:
    """low + (high - low) / (1 + (d50 / x)**slope); `high` is what it tends to for large x."""

    low: float
    high: float
    d50: float
    slope: float

    def at(self, value: float) -> float:
        """Return the curve at a value of the symbol."""
        rising = 1 / (1 + (self.d50 / value) ** self.slope)
        return float(self.low + (self.high - self.low) * rising)


@dataclass(frozen=True)
class Ladder:
    """What one ladder says. `rest` are the other swept symbols, the same on all rungs.

    `ends` is the 95 % interval of d50. `outside` is the share of the bootstrap draws with a d50 at
    one end of the ladder: from 0.025 on the interval is open there. `violation` is how far
    the means are from a monotone curve at most, in standard deviations of a seed.
    """

    symbol: str
    by: Measure
    rest: Mapping[str, str]
    rungs: tuple[LadderPoint, ...]
    curve: Logistic
    ends: tuple[float, float]
    outside: float
    violation: float

    @property
    def octaves(self) -> float:
        """The width of the interval, in factors of two."""
        return math.log2(self.ends[1] / self.ends[0])

    @property
    def located(self) -> bool:
        """Whether d50 lies within the ladder, with its interval."""
        return self.outside < TAIL


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
    scores, grid = [rung.scores for rung in rungs], Grid([rung.value for rung in rungs], by.maximum)
    means = np.array([fmean(values) for values in scores])
    curve = grid.fit(means[None])[0]
    drawn = np.array([rung.d50 for rung in grid.fit(resampled(scores))])
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL])
    outside = float(max(np.mean(drawn <= rungs[0].value), np.mean(drawn >= rungs[-1].value)))
    ends, bent = (float(low), float(high)), violation(scores, curve.high >= curve.low)
    return Ladder(symbol, by, rest, tuple(rungs), curve, ends, outside, bent)


def resampled(scores: Sequence[Sequence[float]]) -> Array:
    """Return (DRAWS, rungs) means of seeds drawn with replacement on each rung.

    Their spread about the mean is enlarged by sqrt(n / (n - 1)): that of a few seeds drawn with
    replacement is smaller than that of as many new seeds.
    Source: Efron 1982, The jackknife, the bootstrap and other resampling plans, section 5.3.
    """
    random = np.random.default_rng(0)
    columns = []
    for values in map(np.asarray, scores):
        n = len(values)
        means = values[random.integers(n, size=(DRAWS, n))].mean(1)
        columns.append(values.mean() + math.sqrt(n / max(1, n - 1)) * (means - values.mean()))
    return np.stack(columns, 1)


class Grid:
    """Logistic curves over fixed places, of which the best in squares is taken.

    For a given half-way point and slope the plateaus are a linear least-squares problem, so all of
    them are solved at once; no start has to be guessed, and no optimum is only local.
    """

    def __init__(self, values: Sequence[float], upper: float) -> None:
        """`values` ascend; no plateau may lie below 0 or above `most`."""
        x = np.log(np.asarray(values))
        self._most = upper
        self._middles = np.repeat(np.linspace(x[0], x[-1], PLACES), len(SLOPES))
        self._slopes = np.tile(SLOPES, PLACES)
        steps = (x - self._middles[:, None]) * self._slopes[:, None]
        self._rising = 1 / (1 + np.exp(-steps))  # (curves, rungs)
        self._mean = self._rising.mean(1)
        self._spread = np.square(self._rising - self._mean[:, None]).sum(1)

    def fit(self, rows: Array) -> list[Logistic]:
        """Return the curve for each of `rows` (n, rungs) of means."""
        parts = (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
        return [curve for part in parts for curve in self._best(part)]

    def _best(self, rows: Array) -> list[Logistic]:
        centre = rows.mean(1)
        along = (self._rising - self._mean[:, None]) @ (rows - centre[:, None]).T  # (curves, n)
        rise = along / self._spread[:, None]
        low = centre - rise * self._mean[:, None]
        slack = 1e-9 + 0.05 * np.ptp(rows, 1)  # plateaus are means of few seeds too
        ends = np.stack([low, low + rise])
        allowed = ((ends >= -slack) & (ends <= self._most + slack)).all(0)
        gain = np.where(allowed, along * rise, -1.0)  # what the squares become less by
        best, which = gain.argmax(0), np.arange(len(rows))
        curves = zip(best, low[best, which], rise[best, which], strict=True)
        return [self._curve(i, float(a), float(b)) for i, a, b in curves]

    def _curve(self, place: int, low: float, rise: float) -> Logistic:
        middle, slope = float(self._middles[place]), float(self._slopes[place])
        return Logistic(low, low + rise, math.exp(middle), slope)


def violation(scores: Sequence[Sequence[float]], rising: bool) -> float:
    """Return how far the means are from monotone, in standard deviations of one seed.

    0 if they are; infinity where they are not and no two seeds differ.
    """
    sign = 1 if rising else -1
    means = [sign * fmean(values) for values in scores]
    level = isotonic(means, [len(values) for values in scores])
    worst = max(abs(a - b) for a, b in zip(means, level, strict=True))
    squares = sum((v - fmean(values)) ** 2 for values in scores for v in values)
    freedom = sum(len(values) - 1 for values in scores)
    if worst <= 1e-9 * max(map(abs, means)):  # rounding
        return 0.0
    return worst / math.sqrt(squares / freedom) if squares and freedom else math.inf


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
