"""The p-value of a paired difference, and what is left of it among several comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence

from espalier.analysis.confidence import Interval, Verdict, interval, t_quantile, verdict
from espalier.analysis.power import detectable_difference


def paired_p(values: Sequence[float]) -> float:
    """Return the two-sided p in 0..1 of a t-test that paired differences `values` have mean 0.

    1 where they say nothing about chance: fewer than two, or all the same (a spread of rounding).
    Source: Student 1908, "The probable error of a mean".
    """
    return interval_p(interval(values))


def interval_p(difference: Interval | None) -> float:
    """Return the same p from the mean of the differences and its 95 % t-interval."""
    from scipy.special import stdtr  # scipy.stats would take a second to import

    if difference is None or verdict(difference) is Verdict.UNKNOWN or not difference.half_width:
        return 1.0
    degrees = difference.n - 1
    error = difference.half_width / t_quantile(degrees)
    return float(2 * stdtr(degrees, -abs(difference.mean) / error))


def interval_power(difference: Interval) -> float | None:
    """Return what as many pairs detect, by the spread seen; None for one pair or no spread."""
    if not difference.half_width:
        return None
    sd = difference.half_width / t_quantile(difference.n - 1) * math.sqrt(difference.n)
    return detectable_difference(sd, difference.n)


def holm(p_values: Sequence[float], family: int) -> list[float]:
    """Return `p_values` corrected for `family` tests, in order; those not made count as 1.

    So what is tested may be chosen by looking, as long as the family holds all that could be.
    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    corrected, worst = [1.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (family - place) * p_values[index]))
        corrected[index] = worst
    return corrected
