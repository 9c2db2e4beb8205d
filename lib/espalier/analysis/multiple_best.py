"""Which configurations are behind the best, with an error rate for the whole table.

Source: Hsu 1984, "Constrained simultaneous confidence intervals for multiple comparisons with the
best". Differs: by Bonferroni's inequality on paired t-tests, so that deviations may differ and
seeds may be shared.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from espalier.analysis.confidence import ALPHA

if TYPE_CHECKING:  # numpy would take a tenth of a second to import
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]


def behind_the_best(scores: Sequence[Mapping[Hashable, float]], alpha: float = ALPHA) -> list[bool]:
    """Return which of several configurations are behind the best of them.

    `scores` are by draw (what pairs them), larger is better, all on the same samples. One is behind
    if, for some other, the one-sided paired t-test that it is better has p <= alpha / (K - 1), K
    being those with a score. A truly best one only errs against the K - 1 others, so it is called
    behind in at most a share `alpha` of sweeps. Fewer than two common draws, or the same difference
    on all, say nothing.
    """
    import numpy as np

    draws = {draw: place for place, draw in enumerate({d for each in scores for d in each})}
    values = np.full((len(scores), len(draws)), np.nan)
    for own, each in zip(values, scores, strict=True):
        for draw, score in each.items():
            own[draws[draw]] = score
    return [bool(behind) for behind in are_behind(values, alpha)]


def are_behind(values: Array, alpha: float) -> npt.NDArray[np.bool_]:
    """Return the same of an array (..., configurations, draws), NaN where there is no score."""
    import numpy as np

    count = (~np.isnan(values)).any(axis=-1).sum(axis=-1)  # (...)
    if values.shape[-1] < 2 or values.shape[-2] < 2:
        return np.zeros(values.shape[:-1], dtype=bool)
    columns = [_is_behind(values, i, alpha, count) for i in range(values.shape[-2])]
    return np.stack(columns, axis=-1)


def _is_behind(
    values: Array, place: int, alpha: float, count: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    import numpy as np
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    differences = values - values[..., place : place + 1, :]
    n = (~np.isnan(differences)).sum(axis=-1)
    mean = np.nansum(differences, axis=-1) / np.maximum(n, 1)
    squares = np.nansum((differences - mean[..., None]) ** 2, axis=-1)
    error = np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    part = alpha / np.maximum(count - 1, 1)
    limit = stdtrit(np.maximum(n - 1, 1), 1 - part[..., None])
    judged = (n >= 2) & (error > 1e-9 * np.abs(mean))
    return np.asarray((judged & (mean >= limit * error)).any(axis=-1))
