"""Evidence that may be looked at after every seed: test martingales on paired differences.

An e-value is what a bet against "the mean is not above 0" has become, begun with 1. If that is
true, the chance that it ever reaches 1 / a is at most a (Ville's inequality), however often and
for whatever reason one looks or stops. Source: Ville 1939; Shafer et al. 2011, "Test martingales,
Bayes factors and p-values".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SCALES = (1.0, 10.0, 100.0)
"""Variances of the effects that are bet on, in squared deviations of a difference."""


def t_evidence(differences: Sequence[float], step: float = 0.0) -> list[float]:
    """Return the e-value after each of paired `differences`, against "the mean is not above 0".

    For normal differences of any deviation; see `log_t_evidence`, also for `step`.
    """
    values = np.asarray(differences, dtype=np.float64)
    n = np.arange(1, len(values) + 1)
    logs = log_t_evidence(n, np.cumsum(values), np.cumsum(values**2), step)
    return [float(value) for value in np.exp(logs)]


def log_t_evidence(n: npt.ArrayLike, total: Array, squares: Array, step: float = 0.0) -> Array:
    """Return logarithms of e-values from the number of differences, their sum and sum of squares.

    The likelihood ratio of the scale-invariant part of normal data: against an effect of 0, an
    effect (mean / deviation) that is half normal with variance g, averaged over g in SCALES. Data
    with a lower mean and the same noise have a smaller t after every seed, and the ratio rises
    with t, so what holds for a mean of 0 holds for all below.
    Source: Lai 1976, "On confidence sequences"; Gönen et al. 2005; Wang and Ramdas 2023,
    arXiv 2310.03722. Differs: half normal effects, since only "better" is claimed.
    """
    n = np.asarray(n, dtype=np.float64)
    squares = squares + n * step**2 / 12
    each = [_log_ratio(n, total, squares, g) for g in SCALES]
    return np.asarray(np.logaddexp.reduce(each, axis=0) - np.log(len(SCALES)))


def _log_ratio(n: Array, total: Array, squares: Array, g: float) -> Array:
    """Return the logarithm of the likelihood ratio for one variance `g` of the effect."""
    from scipy.special import stdtr  # scipy.stats would take a second to import

    spread = 1 + n * g
    left = squares - g * total**2 / spread  # what is left of the squares beside the effect
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = -0.5 * np.log(spread) + 0.5 * n * (np.log(squares) - np.log(left))
        side = np.log(2 * stdtr(n, total * np.sqrt(g * n / (spread * left))))
    return np.where(squares > 0, ratio + side, 0.0)


def sign_evidence(differences: Iterable[float]) -> list[float]:
    """Return the e-value after each difference, from their signs alone.

    For any differences that are not more often above 0 than below; ties count as nothing. The mean
    of the products of 1 + b * sign over all b in 0..1.
    Source: Robbins 1970, "Statistical methods related to the law of the iterated logarithm".
    """
    signs = np.sign(np.asarray(list(differences), dtype=np.float64))
    above, below = np.cumsum(signs > 0), np.cumsum(signs < 0)
    return [float(value) for value in np.exp(log_sign_evidence(above, below))]


def log_sign_evidence(above: npt.ArrayLike, below: npt.ArrayLike) -> Array:
    """Return logarithms of e-values from the numbers of differences `above` and `below` 0."""
    from scipy.special import betaincc, betaln

    a, b = np.asarray(above) + 1.0, np.asarray(below) + 1.0
    with np.errstate(divide="ignore"):
        return np.asarray((a + b - 1) * np.log(2) + betaln(a, b) + np.log(betaincc(a, b, 0.5)))
