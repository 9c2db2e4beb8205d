"""Logistic curves in the logarithm of a number, fitted over a fixed grid by least squares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PLACES, SLOPES = 161, np.geomspace(0.5, 30.0, 32)
"""What is tried: half-way points over the ladder, and slopes in units of 1 / ln(symbol)."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Logistic:
    """low + (high - low) / (1 + (d50 / x)**slope); `high` is what it tends to for large x."""

    low: float
    high: float
    d50: float
    slope: float

    def at(self, value: float) -> float:
        """Return the curve at a value of the symbol."""
        rising = 1 / (1 + (self.d50 / value) ** self.slope)
        return float(self.low + (self.high - self.low) * rising)


class Grid:
    """Logistic curves over fixed places, of which the best in squares is taken.

    For a given half-way point and slope the plateaus are a linear least-squares problem, so all of
    them are solved at once; no start has to be guessed, and no optimum is only local.
    """

    def __init__(self, values: Sequence[float], upper: float, lower: float) -> None:
        """`values` ascend; no plateau may lie below `lower` or above `upper`."""
        x = np.log(np.asarray(values))
        self._lower, self._upper, self._x = lower, upper, x
        self.places: Array = np.linspace(x[0], x[-1], PLACES)  # half-way points, as logarithms
        self._middles = np.repeat(self.places, len(SLOPES))
        self._slopes = np.tile(SLOPES, PLACES)
        steps = (x - self._middles[:, None]) * self._slopes[:, None]
        self._rising = 1 / (1 + np.exp(-steps))  # (curves, rungs)
        self._mean = self._rising.mean(1)
        self._spread = np.square(self._rising - self._mean[:, None]).sum(1)

    @property
    def step(self) -> float:
        """The distance of two places, which no half-way point is known better than."""
        return float(self.places[1] - self.places[0])

    def gap(self, curve: Logistic) -> tuple[float, float] | None:
        """Return the logarithms between which a curve falls like a step; None if it is no step.

        A curve as steep as any that is tried is one: where between two rungs it falls, none of
        them says.
        """
        if curve.slope < SLOPES[-1]:
            return None
        middle = math.log(curve.d50)
        below, above = self._x[self._x <= middle], self._x[self._x > middle]
        return float(below[-1]), float(above[0] if above.size else below[-1])

    def fit(self, rows: Array) -> list[Logistic]:
        """Return the curve for each of `rows` (n, rungs) of means."""
        centre = rows.mean(1)
        rise, gain = self._gains(rows)
        low = centre - rise * self._mean[:, None]
        best, which = gain.argmax(0), np.arange(len(rows))
        curves = zip(best, low[best, which], rise[best, which], strict=True)
        return [self._curve(i, float(a), float(b)) for i, a, b in curves]

    def places_within(self, means: Array, slack: float) -> tuple[float, float]:
        """Return the first and the last place whose best curve is worse by no more than `slack`.

        Squares are summed over the (rungs) `means`; the place of the best curve is always within.
        """
        _, gain = self._gains(means[None])
        best = gain.reshape(PLACES, len(SLOPES)).max(1)  # by place
        (near,) = np.nonzero(best >= best.max() - slack)
        return float(self.places[near[0]]), float(self.places[near[-1]])

    def _gains(self, rows: Array) -> tuple[Array, Array]:
        """Return the rise of each curve for each row, and what it lessens the squares by.

        That is -1 for curves whose plateaus cannot be.
        """
        centre = rows.mean(1)
        along = (self._rising - self._mean[:, None]) @ (rows - centre[:, None]).T  # (curves, n)
        rise = along / self._spread[:, None]
        low = centre - rise * self._mean[:, None]
        slack = 1e-9 + 0.05 * np.ptp(rows, 1)  # plateaus are means of few seeds too
        ends = np.stack([low, low + rise])
        allowed = ((ends >= self._lower - slack) & (ends <= self._upper + slack)).all(0)
        return rise, np.where(allowed, along * rise, -1.0)

    def _curve(self, place: int, low: float, rise: float) -> Logistic:
        middle, slope = float(self._middles[place]), float(self._slopes[place])
        return Logistic(low, low + rise, math.exp(middle), slope)
