"""Whether a configuration has learnt anything: by validation, in every seed, more than a margin.

What knows nothing of an image may still name the most frequent class, so that is what is to be
beaten, by a margin. Each network by itself must be surely above it, given how few its validation
samples are, and so must the mean over seeds, given how few those are: networks that are wrong in
whole classes at a time are luckier, and unluckier, than single samples make one think.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 3
"""Seeds that a mean is judged by, at least."""


@dataclass(frozen=True)
class Bar:
    """`margin` in shares of 1 above the most frequent class, with an error rate of `alpha`."""

    margin: float = 0.05
    alpha: float = 0.01


@dataclass(frozen=True)
class SeedScore:
    """What one seed came to: `accuracy` and `majority`, shares of its validation `samples`."""

    accuracy: float
    majority: float
    samples: int

    def limit(self, bar: Bar) -> float:
        """Return the accuracy to be beaten."""
        return min(1.0, self.majority + bar.margin)

    def p(self, bar: Bar) -> float:
        """Return how likely so many right answers are, or more, at the limit: exact, one-sided.

        Differs: the exact binomial tail in place of Wilson's interval, which is a little too
        sure where the limit is far from a half.
        """
        from scipy.special import bdtrc

        limit, right = self.limit(bar), round(self.accuracy * self.samples)
        if limit == 1.0:
            return 1.0
        return float(bdtrc(right - 1, self.samples, limit)) if right else 1.0

    def low(self, bar: Bar) -> float:
        """Return what the network's accuracy is surely above, one-sided at `alpha`.

        Source: Clopper and Pearson 1934, The use of confidence or fiducial limits.
        """
        from scipy.special import betaincinv

        right = round(self.accuracy * self.samples)
        return float(betaincinv(right, self.samples - right + 1, bar.alpha)) if right else 0.0


def p_value(draws: Sequence[SeedScore], bar: Bar) -> float:
    """Return the largest p of any seed, and of the mean over seeds: all of them are claimed.

    1 for fewer than FEWEST seeds. Source: Berger 1982, Multiparameter hypothesis testing and
    acceptance sampling, for tests of which all must reject.
    """
    if len(draws) < FEWEST:
        return 1.0
    return max(_over_seeds(draws, bar), *(draw.p(bar) for draw in draws))


def _over_seeds(draws: Sequence[SeedScore], bar: Bar) -> float:
    """Return the p of a one-sided t-test of the mean excess over the limit.

    Equal scores on a few seeds are not sure ones: the variance is taken to be at least that of
    counting.
    """
    from scipy.special import stdtr

    n = len(draws)
    excess = [draw.accuracy - draw.limit(bar) for draw in draws]
    mean = math.fsum(excess) / n
    seen = math.fsum((value - mean) ** 2 for value in excess) / (n - 1)
    limits = [(draw.limit(bar), draw.samples) for draw in draws]
    counting = math.fsum(limit * (1 - limit) / samples for limit, samples in limits) / n
    error = math.sqrt(max(seen, counting) / n)
    return float(stdtr(n - 1, -mean / error)) if error else 1.0
