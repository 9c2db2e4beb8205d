"""Means with their 95 % intervals, and paired differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

ALPHA = 0.05
"""The error rate of a test where none is given, and what an interval misses."""
LEVEL = 1 - ALPHA
ROUNDING = 1e-9
"""A difference smaller than this part of what it is of is one of rounding."""
LUMPS = 1 / 6
"""The variance of the rounding of two scores, in squared steps of their scale."""
FINEST = 0.01
"""Of the smallest gap between scores, the part that a step of their scale is looked for down to."""


@dataclass(frozen=True)
class Interval:
    """A mean over `n` values; `half_width` is None when one value leaves no spread to judge by."""

    mean: float
    n: int
    half_width: float | None
    level: float = LEVEL

    @property
    def spread(self) -> float | None:
        """The half width; None without any beyond rounding in the subtraction of equal values."""
        half = self.half_width or 0.0
        return half if half > ROUNDING * abs(self.mean) else None

    @property
    def error(self) -> float | None:
        """The standard error of the mean; None without an interval."""
        width = self.half_width
        return None if width is None else width / t_quantile(self.n - 1, self.level)

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the values; None without an interval."""
        return None if self.error is None else self.error * math.sqrt(self.n)

    @property
    def low(self) -> float:
        """The lower end; minus infinity without an interval."""
        return self.mean - self._reach()

    @property
    def high(self) -> float:
        """The upper end; infinity without an interval."""
        return self.mean + self._reach()

    def _reach(self) -> float:
        return math.inf if self.half_width is None else self.half_width


def interval(values: Sequence[float], level: float = LEVEL) -> Interval | None:
    """Return mean and two-sided t-interval at `level` of finite `values`; None if there are none.

    The result does not depend on the order of the values.
    Source: Student 1908, "The probable error of a mean".
    """
    n = len(values)
    if n == 0:
        return None
    mean = values[0] if min(values) == max(values) else math.fsum(values) / n
    if n == 1:
        return Interval(mean, 1, None, level)
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return Interval(mean, n, t_quantile(n - 1, level) * math.sqrt(variance / n), level)


@lru_cache
def t_quantile(degrees: int, level: float = LEVEL) -> float:
    """Return the two-sided quantile of Student's t at `level`."""
    from scipy.special import stdtrit  # scipy.stats would take a second to import

    return float(stdtrit(degrees, (1 + level) / 2))


class Verdict(StrEnum):
    """What the seeds that two configurations share say about their difference."""

    TIED = "tied"  # not distinguished from 0
    BEHIND = "behind"  # distinguished from 0
    UNKNOWN = "unknown"  # fewer than two common seeds, or the same non-zero difference on all


def verdict(difference: Interval | None) -> Verdict:
    """Return whether a paired difference is distinguished from 0.

    Accuracies are counts over a finite set, so a few seeds easily give the very same difference;
    its interval then has no width and says nothing about chance. That is UNKNOWN, not BEHIND.
    """
    if difference is None or difference.half_width is None:
        return Verdict.UNKNOWN
    if difference.low <= 0 <= difference.high:
        return Verdict.TIED
    return Verdict.BEHIND if has_spread(difference) else Verdict.UNKNOWN


def has_spread(difference: Interval) -> bool:
    """Return whether there is spread beyond rounding in the subtraction of equal differences."""
    return difference.spread is not None


def resolution(values: Iterable[float]) -> float:
    """Return the step of the scale that finite `values` lie on: all gaps are multiples of it.

    For accuracies that is one sample in all, or a multiple of it where few were seen; for losses
    nearly 0. 0 if all values are equal. The result does not depend on the order of the values.
    """
    import numpy as np  # its import would take a tenth of a second

    ordered = np.unique(np.fromiter(values, dtype=np.float64))
    gaps = np.diff(ordered)
    gaps = gaps[gaps > ROUNDING * np.abs(ordered).max(initial=0.0)]
    rest = gaps
    while rest.size:  # Euclid's algorithm on all of them at once
        step = float(rest.min())
        rest = np.abs(gaps - step * np.round(gaps / step))
        rest = rest[rest > FINEST * gaps.min()]
    return step if gaps.size else 0.0
