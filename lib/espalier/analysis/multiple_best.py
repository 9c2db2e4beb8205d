"""Which configurations are behind the best, with an error rate for the whole table.

Source: Hsu 1984, "Constrained simultaneous confidence intervals for multiple comparisons with the
best". Differs: by Bonferroni's inequality on paired t-tests, so that deviations may differ and
seeds may be shared.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from espalier.analysis.confidence import ALPHA, LUMPS, ROUNDING, resolution

if TYPE_CHECKING:  # numpy would take a tenth of a second to import
    from espalier.analysis.anytime_tests import Array, Flags

DrawT = TypeVar("DrawT", bound=Hashable)
BLOCK = 60_000
"""Differences that are held at a time."""
LEADERS = 16
"""Of all, so many of the best that each is compared with first."""


def behind_the_best(scores: Sequence[Mapping[DrawT, float]], alpha: float = ALPHA) -> list[bool]:
    """Return which of several configurations are behind the best of them.

    `scores` are by draw (what pairs them), larger is better, all on the same samples. One is behind
    if, for some other, the one-sided paired t-test that it is better has p <= alpha / `rivals(K)`,
    K being those with a score. So a truly best one is called behind in at most a share `alpha` of
    sweeps. Fewer than two common draws, or the same difference on all, say nothing.
    """
    import numpy as np

    draws = {draw: place for place, draw in enumerate(_draws(scores))}
    values = np.full((len(scores), len(draws)), np.nan)
    for own, each in zip(values, scores, strict=True):
        for draw, score in each.items():
            own[draws[draw]] = score
    return [bool(behind) for behind in are_behind(values, alpha)]


def rivals(count: int) -> int:
    """Return among how many tests one of `count` configurations has to share its error rate.

    A truly best one can only be wronged by the count - 1 others. Of two that are equal either can
    be, so they are tested on both sides, as two means usually are.
    """
    return max(count - 1, 2)


def pair_level(count: int, alpha: float = ALPHA) -> float:
    """Return the level of the two-sided test of a pair that is as strict as that of the table."""
    return 2 * alpha / rivals(count)


def _draws(scores: Sequence[Mapping[DrawT, float]]) -> list[DrawT]:
    """Return all draws in an order that does not depend on that of the configurations."""
    return sorted({draw for each in scores for draw in each}, key=repr)


def are_behind(values: Array, alpha: float) -> Flags:
    """Return the same of an array (configurations, draws), NaN where there is no score."""
    import numpy as np
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    there = ~np.isnan(values)
    count, draws = int(there.any(axis=1).sum()), values.shape[1]
    if count < 2 or draws < 2:
        return np.zeros(len(values), dtype=bool)
    limits = np.append(0.0, -stdtrit(np.arange(1, draws), alpha / rivals(count)))
    test = _BehindTest(limits, LUMPS * resolution(values[there]) ** 2)
    means = np.where(there, values, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    order = np.argsort(np.where(there.any(axis=1), -means, np.inf), kind="stable")
    behind = np.empty(len(values), dtype=bool)
    behind[order] = _behind_in_order(values[order], means[order], test)
    return behind


@dataclass(frozen=True)
class _BehindTest:
    """The t that is needed, by the number of draws, and the least variance of differences."""

    limits: Array
    floor: float

    def any_ahead(self, part: Array, others: Array) -> Flags:
        """Return which rows of `part` some row of `others` is ahead of.

        Its t must be at least the limit for the number of draws that both have. A variance is not
        taken to be below the floor, that of the rounding of scores.
        """
        import numpy as np

        differences = others.T[:, None] - part.T[:, :, None]  # draws first: such sums are fast
        n: Any = part.shape[1]
        missing = np.isnan(differences) if np.isnan(part).any() or np.isnan(others).any() else None
        if missing is not None:
            n = np.maximum(n - missing.sum(axis=0), 1)
            differences[missing] = 0.0
        mean = differences.sum(axis=0) / n
        differences -= mean
        if missing is not None:
            differences[missing] = 0.0
        squares = np.square(differences, out=differences).sum(axis=0)
        error = np.sqrt((squares / np.maximum(n - 1, 1) + self.floor) / n)
        reached = (n > 1) & (mean >= self.limits[n - 1] * np.where(error > 0, error, 1.0))
        return np.asarray((reached & (squares > n * (ROUNDING * mean) ** 2)).any(axis=1))


def _behind_in_order(values: Array, means: Array, test: _BehindTest) -> Flags:
    """Return the same of rows in order of their means, the best first.

    Most that are behind any are so behind one of the first, so these are tried before all others.
    Of two that have a score for every draw, the one with the better mean is behind in none.
    """
    import numpy as np

    behind = _any_ahead(values, values[:LEADERS], test)
    whole = ~np.isnan(values).any(axis=1)
    ragged, rest = np.flatnonzero(~whole & ~behind), np.flatnonzero(whole & ~behind)
    behind[ragged] = _any_ahead(values[ragged], values, test)
    behind[rest] = _any_ahead(values[rest], values[~whole], test)
    rest = rest[~behind[rest]]
    behind[rest] = _behind_better(values[whole], means[whole], np.cumsum(whole)[rest] - 1, test)
    return behind


def _any_ahead(rows: Array, others: Array, test: _BehindTest) -> Flags:
    """Return which rows some row of `others` is ahead of."""
    import numpy as np

    parts = [test.any_ahead(rows[part], others) for part in _blocks(len(rows), others.size)]
    return np.concatenate([np.zeros(0, dtype=bool), *parts])


def _behind_better(values: Array, means: Array, places: Any, test: _BehindTest) -> Flags:
    """Return which of the rows at `places` are behind a row with a better mean, or an equal one.

    The means descend, so these rows are the first of `values`.
    """
    import numpy as np

    slack = ROUNDING * np.abs(values).max(initial=0.0)
    parts = []
    for part in _blocks(len(places), values.size):
        last = np.searchsorted(-means, slack - means[places[part][-1]], side="right")
        parts.append(test.any_ahead(values[places[part]], values[:last]))
    return np.concatenate([np.zeros(0, dtype=bool), *parts])


def _blocks(count: int, width: int) -> list[slice]:
    """Return so many rows in parts, whose differences to `width` numbers are not too many."""
    rows = max(1, BLOCK // max(1, width))
    return [slice(place, place + rows) for place in range(0, count, rows)]
