"""Units that stand out, in three categories that are kept apart: dead, saturated and hot.

* *dead*: a rectified unit that hardly ever fires.
* *saturated*: one that nearly always fires, so that it is a linear unit.
* *hot*: a unit that is neither, and far larger than the others of its layer.

All three are free of scale: multiply a layer by ten, and the same units are found.

Source: Sokar et al. 2023, "The dormant neuron phenomenon", for counting what a unit does over many
samples; Iglewicz and Hoaglin 1993, "How to detect and handle outliers", for the robust z.
Differs: no threshold has the unit of an activation. Earlier code took 0.99, which is a sigmoid's,
for activations without bound, and flagged the top tenth of any layer as extreme.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MAD_OF_NORMAL = 1.4826
"""What a median absolute deviation is multiplied by to be a normal's standard deviation."""


@dataclass(frozen=True)
class ExtremaThresholds:
    """Where each category begins.

    A unit is dead if it fires in less than `silent` of the samples, and saturated if in more than
    `always`. It is hot above `far` robust standard deviations. `least` samples must have been seen.
    """

    silent: float = 1e-2
    always: float = 0.99
    far: float = 3.0
    least: int = 1000


@dataclass(frozen=True)
class Activity:
    """What each unit of a layer did in `samples` samples: (units,) float64 each.

    `firing` is the share of samples in which a unit was above 0, `magnitude` its mean absolute
    activation.
    """

    samples: int
    firing: Tensor
    magnitude: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, x: Tensor) -> Activity:
        """That of activations (samples, units). Raises ValueError if some are not finite."""
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
    """Deviations from the median of those `among` (bool) the values, in robust standard deviations.

    Deviations that are rounding are 0, and where most values are the same all others are far out.
    """
    if not bool(among.any()):
        return torch.zeros_like(values)
    middle = values[among].quantile(0.5)
    spread = MAD_OF_NORMAL * (values[among] - middle).abs().quantile(0.5)
    return (values - middle) / spread.clamp_min(1e-9 * middle.abs()).clamp_min(1e-300)


def find(activity: Activity, limits: ExtremaThresholds | None = None) -> Extrema:
    """The extrema of a layer. Raises ValueError if too few samples were seen."""
    limits = limits or ExtremaThresholds()
    if activity.samples < limits.least:
        raise ValueError(
            f"extrema were asked for after {activity.samples} samples, and it takes {limits.least}"
        )
    dead, saturated = activity.firing < limits.silent, activity.firing > limits.always
    hot = (robust_z(activity.magnitude, ~dead) > limits.far) & ~dead & ~saturated
    return Extrema(dead, saturated, hot)
