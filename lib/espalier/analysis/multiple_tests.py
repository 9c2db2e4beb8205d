"""The p-value of a paired difference, and what is left of it among several comparisons."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from espalier.analysis.confidence import ALPHA, Interval, has_spread, interval
from espalier.analysis.power import detectable_difference, seeds_needed

KeyT = TypeVar("KeyT", bound=Hashable)


def paired_p(values: Sequence[float]) -> float:
    """Return the two-sided p in 0..1 of a t-test that paired differences `values` have mean 0.

    1 where they say nothing about chance: fewer than two, or all the same (a spread of rounding).
    Source: Student 1908, "The probable error of a mean".
    """
    return interval_p(interval(values))


def interval_p(difference: Interval | None) -> float:
    """Return the same p from the mean of the differences and its t-interval."""
    if difference is None or not difference.error or not has_spread(difference):
        return 1.0
    return 2 * upper_p(abs(difference.mean), difference)


def upper_p(mean: float, difference: Interval) -> float:
    """Return the p in 0..1 of a one-sided t-test that a `mean` is 0, by the error of a difference.

    Small for a mean above 0. The difference must have a spread.
    """
    from scipy.special import stdtr  # scipy.stats would take a second to import

    error = difference.error
    if not error:
        raise ValueError(f"difference={difference}: must have a spread")
    return float(stdtr(difference.n - 1, -mean / error))


def interval_power(difference: Interval) -> float | None:
    """Return what as many pairs detect, by the spread seen; None for one pair or no spread."""
    sd = difference.deviation
    return detectable_difference(sd, difference.n) if sd else None


def more_seeds(difference: Interval, alpha: float = ALPHA) -> float:
    """Return about how many more pairs show a difference as large as that seen, at its spread.

    At least 1; infinite for no difference, or none that a number in reach shows. The difference
    must have a spread.
    """
    if not difference.deviation:
        raise ValueError(f"difference={difference}: must have a spread")
    needed = seeds_needed(difference.mean, difference.deviation, alpha)
    return math.inf if needed is None else max(1, needed - difference.n)


def corrected(differences: Mapping[KeyT, Interval | None]) -> dict[KeyT, float]:
    """Return by key the p of each difference that has an interval, corrected for all of these."""
    judged = {key: each for key, each in differences.items() if each is not None and each.error}
    p_values = holm([interval_p(each) for each in judged.values()], len(judged))
    return dict(zip(judged, p_values, strict=True))


def survives(p: float | None) -> bool:
    """Return whether a difference with this corrected p is significant among all of its family."""
    return p is not None and p <= ALPHA


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
