"""The p-value of a paired difference, and what is left of it among several comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence


def paired_p(values: Sequence[float]) -> float:
    """Return the two-sided p in 0..1 of a t-test that paired differences `values` have mean 0.

    1 where they say nothing about chance: fewer than two, or all the same (a spread of rounding).
    Source: Student 1908, "The probable error of a mean".
    """
    from scipy.special import stdtr  # scipy.stats would take a second to import

    n = len(values)
    if n < 2:
        return 1.0
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    error = math.sqrt(variance / n)
    return float(2 * stdtr(n - 1, -abs(mean) / error)) if error > 1e-9 * abs(mean) else 1.0


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
