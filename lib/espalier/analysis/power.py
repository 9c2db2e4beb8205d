"""What a number of paired seeds can show: the power of a paired t-test, and its inverse.

The differences of n paired seeds are taken as normal with deviation `sd`. Tests are two-sided at
the level `alpha`; a difference is detectable if the test finds it with the probability POWER.
Source: Cohen 1988, "Statistical Power Analysis for the Behavioral Sciences", section 2.3;
noncentral t with n - 1 degrees of freedom and noncentrality difference / sd * sqrt(n).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from espalier.analysis.confidence import ALPHA

POWER = 0.8
LARGEST = 10**9  # seeds: no number is looked for beyond
NODES = 4096  # of a mean over the deviations that may be seen
TURNS = 60  # of a bisection: more than a float has bits
FAR = 10.0  # deviations of a normal: less is beyond them than a float can add to 1


def power(difference: float, sd: float, n: int, alpha: float = ALPHA) -> float:
    """Return the probability in 0..1 that `n` >= 2 paired seeds show `difference`, in sd's unit."""
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    _require(n >= 2, f"n={n}: must be at least 2, or there is no spread to judge by")
    _require(sd > 0, f"sd={sd:g}: must be above 0")
    limit, shift = stdtrit(n - 1, 1 - alpha / 2), abs(difference) / sd * math.sqrt(n)
    wrong_side = _below(-limit, n - 1, shift) if shift < FAR else 0.0
    return 1 - _below(limit, n - 1, shift) + wrong_side


def _below(limit: float, degrees: int, shift: float) -> float:
    """Return the probability in 0..1 that a noncentral t lies below `limit`."""
    from scipy.special import nctdtr

    below = float(nctdtr(degrees, shift, limit))
    return 0.0 if math.isnan(below) else below  # scipy's is nan where it is nearly 0


def detectable_difference(sd: float, n: int, alpha: float = ALPHA) -> float:
    """Return the smallest difference, in sd's unit, that `n` paired seeds show with POWER.

    0 for an `sd` of 0. Raises ValueError for fewer than 2 seeds or a negative or infinite sd.
    """
    _require(sd >= 0 and math.isfinite(sd), f"sd={sd:g}: must be finite and not negative")
    _require(n >= 2, f"n={n}: must be at least 2, or there is no spread to judge by")
    return sd * _threshold(lambda effect: power(effect, 1.0, n, alpha) >= POWER)


def seeds_needed(difference: float, sd: float, alpha: float = ALPHA) -> int | None:
    """Return how many paired seeds show a true `difference` with POWER; at least 2.

    None for a difference of 0, or for one that no number of seeds in reach shows.
    """
    if difference == 0:
        return None
    if sd == 0:
        return 2
    return _least(lambda n: power(difference, sd, n, alpha) >= POWER)


def equivalence_power(difference: float, sd: float, n: int, margin: float, alpha: float) -> float:
    """Return the probability in 0..1 that two one-sided tests find `n` seeds within the margin.

    `difference` is the true one. A mean over the deviation seen, of which the tests' limit is a
    part; given it, the mean is normal.
    Source: Schuirmann 1987; Phillips 1990, "Power of the two one-sided tests procedure".
    """
    import numpy as np
    from scipy.special import gammaincinv, ndtr, stdtrit

    _require(n >= 2, f"n={n}: must be at least 2, or there is no spread to judge by")
    _require(sd > 0, f"sd={sd:g}: must be above 0")
    places = (np.arange(NODES) + 0.5) / NODES
    seen = np.sqrt(2 * gammaincinv((n - 1) / 2, places) / (n - 1))  # deviations, in units of sd
    room = margin / sd * math.sqrt(n) - stdtrit(n - 1, 1 - alpha) * seen
    shift = abs(difference) / sd * math.sqrt(n)
    return float(np.where(room > 0, ndtr(room - shift) - ndtr(-room - shift), 0.0).mean())


def seeds_for_equivalence(
    margin: float, sd: float, alpha: float = ALPHA, difference: float = 0.0
) -> int | None:
    """Return how many paired seeds show equivalence within `margin` with POWER; at least 2.

    None where the true `difference` is not within the margin, or no number in reach shows it.
    """
    if abs(difference) >= margin:
        return None
    if sd == 0:
        return 2
    return _least(lambda n: equivalence_power(difference, sd, n, margin, alpha) >= POWER)


def _least(enough: Callable[[int], bool]) -> int | None:
    """Return the least n >= 2 from which on it is enough; None if that is beyond LARGEST."""
    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > LARGEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


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
