"""What a number of paired seeds can show: the power of a paired t-test, and its inverse.

The differences of n paired seeds are taken as normal with deviation `sd`. Tests are two-sided at
the level ALPHA; a difference is detectable if the test finds it with the probability POWER.
Source: Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences", section 2.3;
noncentral t with n - 1 degrees of freedom and noncentrality difference / sd * sqrt(n).
"""

from __future__ import annotations

import math
from collections.abc import Callable

ALPHA, POWER = 0.05, 0.8
TURNS = 60  # of a bisection: more than a float has bits
FAR = 10.0  # deviations of a normal: less is beyond them than a float can add to 1


def power(difference: float, sd: float, n: int) -> float:
    """Return the probability in 0..1 that `n` >= 2 paired seeds show `difference`, in sd's unit."""
    from scipy.special import nctdtr, stdtrit  # scipy.stats would take a second to import

    _require(n >= 2, f"n={n}: must be at least 2, or there is no spread to judge by")
    _require(sd > 0, f"sd={sd:g}: must be above 0")
    limit, shift = stdtrit(n - 1, 1 - ALPHA / 2), abs(difference) / sd * math.sqrt(n)
    wrong_side = nctdtr(n - 1, shift, -limit) if shift < FAR else 0.0  # scipy's is nan far out
    return float(1 - nctdtr(n - 1, shift, limit) + wrong_side)


def detectable_difference(sd: float, n: int) -> float:
    """Return the smallest difference, in sd's unit, that `n` paired seeds show with POWER.

    0 for an `sd` of 0. Raises ValueError for fewer than 2 seeds or a negative or infinite sd.
    """
    _require(sd >= 0 and math.isfinite(sd), f"sd={sd:g}: must be finite and not negative")
    _require(n >= 2, f"n={n}: must be at least 2, or there is no spread to judge by")
    return sd * _threshold(lambda effect: power(effect, 1.0, n) >= POWER)


def _threshold(reached: Callable[[float], bool]) -> float:
    """Return the least x >= 0 from which on `reached` holds."""
    low, high = 0.0, 1.0
    while not reached(high):
        low, high = high, 2 * high
    for _ in range(TURNS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _require(fulfilled: bool, message: str) -> None:
    if not fulfilled:
        raise ValueError(message)
