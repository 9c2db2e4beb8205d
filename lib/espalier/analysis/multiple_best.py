"""Which configurations are behind the best, with an error rate for the whole table.

Source: Hsu 1984, "Constrained simultaneous confidence intervals for multiple comparisons with the
best". Differs: by Bonferroni's inequality on paired t-tests, so that deviations may differ and
seeds may be shared.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from espalier.analysis.confidence import ALPHA, LUMPS, ROUNDING, resolution

if TYPE_CHECKING:  # numpy would take a tenth of a second to import
    from espalier.analysis.anytime_tests import Array, Flags

DrawT = TypeVar("DrawT", bound=Hashable)
BLOCK = 60_000
"""Differences that are held at a time."""


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


def pair_level(count: int) -> float:
    """Return the level of the two-sided test of a pair that is as strict as that of the table."""
    return 2 * ALPHA / rivals(count)


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
    floor = LUMPS * resolution(values[there]) ** 2
    rows = max(1, BLOCK // values.size)  # taken at a time
    parts = [values[place : place + rows] for place in range(0, len(values), rows)]
    return np.concatenate([_behind_any(part, values, limits, floor) for part in parts])


def _behind_any(part: Array, values: Array, limits: Array, floor: float) -> Flags:
    """Return which rows of `part` some row of `values` is ahead of.

    Its t must be at least the limit for the number of draws that both have. A variance is not
    taken to be below the `floor`, that of the rounding of scores.
    """
    import numpy as np

    differences = values.T[:, None] - part.T[:, :, None]  # draws first: such sums are fast
    missing = np.isnan(differences)
    n = np.maximum(values.shape[1] - missing.sum(axis=0), 1)
    differences[missing] = 0.0
    mean = differences.sum(axis=0) / n
    differences -= mean
    differences[missing] = 0.0
    squares = (differences**2).sum(axis=0)
    error = np.sqrt((squares / np.maximum(n - 1, 1) + floor) / n)
    reached = (n > 1) & (mean >= limits[n - 1] * np.where(error > 0, error, 1.0))
    spread = squares > n * (ROUNDING * mean) ** 2
    return np.asarray((reached & spread).any(axis=1))
