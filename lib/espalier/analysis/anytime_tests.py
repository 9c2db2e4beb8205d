"""Evidence that may be looked at after every seed: test martingales on paired differences.

An e-value is what a bet against "the mean is not above 0" has become, begun with 1. If that is
true, the chance that it ever reaches 1 / a is at most a (Ville's inequality), however often and
for whatever reason one looks or stops. Source: Ville 1939; Shafer et al. 2011, "Test martingales,
Bayes factors and p-values".

Accuracies are counts over a finite set, so differences are lumpy: a few seeds easily give the very
same one, which no normal noise does. Each of two scores is rounded to a multiple of the `step` of
its scale, which is as good as noise of variance step^2 / 12 (Sheppard 1898). So the variance is
never taken to be below the step^2 / 6 of both. With a step of 0 the test is exact for normal
differences; with any other the e-value is at most the larger of that one and 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from espalier.analysis.confidence import LUMPS

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
SCALES = (1.0, 10.0, 100.0)
"""Variances of the effects that are bet on, in squared deviations of a difference."""

SMALLEST = 1e-290
"""A sum of squares below this is that of ties: to divide by it would leave the range of numbers."""


def t_evidence(differences: Sequence[float], step: float = 0.0) -> list[float]:
    """Return the e-value after each of paired `differences`, against "the mean is not above 0".

    For normal differences of any deviation, of scores in multiples of `step`; see `log_evidence`.
    """
    values = np.asarray(differences, dtype=np.float64)
    n = np.arange(1.0, len(values) + 1)
    logs = log_evidence(n, np.cumsum(values), np.cumsum(values**2), step)
    with np.errstate(over="ignore"):
        return [float(value) for value in np.exp(logs)]


def log_evidence(n: Array, total: Array, squares: Array, step: float) -> Array:
    """Return logarithms of e-values from the number of differences, their sum and sum of squares.

    The likelihood ratio of the scale-invariant part of normal data: against an effect of 0, an
    effect (mean / deviation) that is half normal with variance g, averaged over g in SCALES. Data
    with a lower mean and the same noise have a smaller t after every seed, and the ratio rises
    with t, so what holds for a mean of 0 holds for all below.
    Source: Lai 1976, "On confidence sequences"; Goenen et al. 2005, "The Bayesian two-sample t
    test"; Wang and Ramdas 2023, arXiv 2310.03722. Differs: half normal effects, since only
    "better" is claimed; the floor of the variance.
    """
    from scipy.special import stdtr  # scipy.stats would take a second to import

    squares = squares + n * LUMPS * step**2
    ties = squares < SMALLEST
    squares = np.where(ties, 1.0, squares)  # so that nothing is divided by 0
    ratios = []
    for g in SCALES:
        left = _left(n, total, squares, g)
        side = 2 * stdtr(n, total * np.sqrt(g * n / ((1 + n * g) * left)))
        with np.errstate(divide="ignore"):
            ratios.append(_two_sided(n, squares, left, g) + np.log(side))
    return np.where(ties, 0.0, _log_mean(ratios))


def reaches(n: Array, total: Array, squares: Array, step: float, limit: float) -> Flags:
    """Return where `log_evidence` is at least `limit` > 0, as booleans; sums must not be below 0.

    Quick: above 0 an e-value is at most twice that of both sides, so few have to be worked out.
    """
    floored = squares + n * LUMPS * step**2
    floored = np.where(floored < SMALLEST, 1.0, floored)  # all ties: below any limit
    bounds = [_two_sided(n, floored, _left(n, total, floored, g), g) for g in SCALES]
    near = _log_mean(bounds) + np.log(2) >= limit
    reached = np.zeros(np.shape(total), dtype=bool)
    reached[near] = log_evidence(n[near], total[near], squares[near], step) >= limit
    return reached


def _left(n: Array, total: Array, squares: Array, g: float) -> Array:
    """Return what is left of the sum of squares beside an effect of variance `g`.

    With no spread that is squares / (1 + n * g); rounding must not make it less.
    """
    return np.maximum(squares - g * total**2 / (1 + n * g), squares / (1 + n * g))


def _two_sided(n: Array, squares: Array, left: Array, g: float) -> Array:
    """Return the logarithm of the likelihood ratio of effects of both signs."""
    return np.asarray(-0.5 * np.log1p(n * g) + 0.5 * n * np.log(squares / left))


def _log_mean(logs: Sequence[Array]) -> Array:
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - np.log(len(logs)))
