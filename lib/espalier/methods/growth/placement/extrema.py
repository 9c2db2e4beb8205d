"""Units with extreme activity, in three categories: dead, saturated and hot.

* *dead*: a rectified unit that hardly ever fires.
* *saturated*: a unit that nearly always fires, so that it is linear.
* *hot*: a unit that is neither, and far larger than the others of its layer.

All three are free of scale: multiply a layer by ten, and the categories are the same.

Source: Sokar et al. 2023, "The dormant neuron phenomenon", for counting how often a unit fires over
many samples; Iglewicz and Hoaglin 1993, "How to detect and handle outliers", for the robust z.
Differs: no threshold has the unit of an activation. Earlier code took 0.99, which is a sigmoid's,
for activations without bound, and flagged the top tenth of any layer as extreme.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MAD_OF_NORMAL = 1.4826
"""The factor from a median absolute deviation to the standard deviation of a normal law."""


@dataclass(frozen=True)
class ExtremaThresholds:
    """Thresholds of the categories.

    A unit is dead if it fires in less than `dead` of the samples, and saturated if in more than
    `saturated`. It is hot above `hot` robust standard deviations. `samples` are needed at least.
    """

    dead: float = 1e-2
    saturated: float = 0.99
    hot: float = 3.0
    samples: int = 1000


@dataclass(frozen=True)
class Activity:
    """The activity of each unit of a layer in `samples` samples: (units,) float64 each.

    `firing` is the share of samples in which a unit was above 0, `magnitude` its mean absolute
    activation.
    """

    samples: int
    firing: Tensor
    magnitude: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, x: Tensor) -> Activity:
        """Measure activations (samples, units). Raises ValueError if some are not finite."""
        if not x.isfinite().all():
            raise ValueError("activations are not finite: the run has diverged")
        firing, magnitude = (
            values.sum(0, dtype=torch.float64) / len(x) for values in (x > 0, x.abs())
        )
        return cls(len(x), firing, magnitude)


@dataclass(frozen=True)
class Extrema:
    """The units of a layer by category, each (units,) bool; no unit is in two of them."""

    dead: Tensor
    saturated: Tensor
    hot: Tensor


def robust_z(values: Tensor, among: Tensor) -> Tensor:
    """Return deviations from the median of the values `among` (bool), in robust deviations.

    Deviations by rounding are 0, and where most values are the same all others are far out.
    """
    if not bool(among.any()):
        return torch.zeros_like(values)
    median = values[among].quantile(0.5)
    deviation = MAD_OF_NORMAL * (values[among] - median).abs().quantile(0.5)
    return (values - median) / deviation.clamp_min(1e-9 * median.abs()).clamp_min(1e-300)


def find_extrema(activity: Activity, limits: ExtremaThresholds | None = None) -> Extrema:
    """Return the extrema of a layer. Raises ValueError for too few samples."""
    limits = limits or ExtremaThresholds()
    if activity.samples < limits.samples:
        raise ValueError(
            f"extrema were asked for after {activity.samples} samples, and it takes "
            f"{limits.samples}"
        )
    dead, saturated = activity.firing < limits.dead, activity.firing > limits.saturated
    hot = (robust_z(activity.magnitude, ~dead) > limits.hot) & ~dead & ~saturated
    return Extrema(dead, saturated, hot)
