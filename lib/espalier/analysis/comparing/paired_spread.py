"""How far the paired differences of configurations spread over seeds, which power depends on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from espalier.analysis.arms import Draw
from espalier.analysis.confidence import ROUNDING
from espalier.analysis.rank import Configuration, scores
from espalier.core.measures import Measure

if TYPE_CHECKING:  # numpy would take a tenth of a second to import
    import numpy as np
    import numpy.typing as npt

FEWEST = 3  # seeds: of two, a deviation is hardly more than a guess
LOOKED_AT = 1000  # configurations: of more, pairs of the first are enough for a median


@dataclass(frozen=True)
class PairedSpread:
    """The median over `pairs` of configurations of the deviation of their differences.

    `sd` is in the measure's unit, `seeds` the number of seeds behind the deviations, the most of
    any pair.
    """

    sd: float
    pairs: int
    seeds: int


def paired_spread(every: Iterable[Configuration], by: Measure) -> PairedSpread | None:
    """Return how far differences of a measure spread between configurations of the same samples.

    Seed by seed, over configurations with the same 3 or more seeds; pairs whose difference is the
    same on all say nothing. None without any.
    """
    deviations: list[float] = []
    seeds = 0
    for group in _alike(every, by):
        own = _deviations(group)
        deviations += own
        seeds = max(seeds, len(group[0]) if own else 0)
    return PairedSpread(median(deviations), len(deviations), seeds) if deviations else None


def _alike(every: Iterable[Configuration], by: Measure) -> Iterable[list[list[float]]]:
    """Return scores by configuration and draw, of those of equal samples and draws together."""
    groups: dict[tuple[frozenset[tuple[str, str]], tuple[Draw, ...]], list[list[float]]] = {}
    for item in every:
        own = scores(item.results, by.name)
        draws = tuple(sorted(own))
        if len(draws) >= FEWEST:
            key = (frozenset(item.samples.items()), draws)
            groups.setdefault(key, []).append([own[draw] for draw in draws])
    return groups.values()


def _deviations(group: Sequence[Sequence[float]]) -> list[float]:
    """Return the deviation of the differences of each pair of rows, where there is any."""
    import numpy as np

    values = np.asarray(group[:LOOKED_AT], dtype=float)
    if len(values) < 2:
        return []
    first, second = np.triu_indices(len(values), k=1)
    squares = _squares(values)[first, second]
    least = ROUNDING * max(1.0, float(np.abs(values).max()))
    return [float(sd) for sd in np.sqrt(np.maximum(squares, 0.0)) if sd > least]


def _squares(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the variance of the differences between all rows, (rows, rows)."""
    import numpy as np

    covariance = np.cov(values)
    own = np.diag(covariance)
    return np.asarray(own[:, None] + own[None, :] - 2 * covariance)
