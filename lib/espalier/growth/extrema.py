"""Units that stand out, in three categories that are kept apart: dead, saturated and hot.

* *dead*: a rectified unit that hardly ever fires; of any other kind, one that is always the same.
* *saturated*: a unit of bounded range that is nearly always at one of its ends; a rectified one
  that nearly always fires, so that it is a linear unit.
* *hot*: a unit that is neither, and far larger than the others of its layer.

All three are free of scale: multiply a rectified layer by ten, and the same units are found.

Source: Sokar et al. 2023, "The dormant neuron phenomenon", for counting what a unit does over many
samples; Iglewicz and Hoaglin 1993, "How to detect and handle outliers", for the robust z.
Differs: no threshold has the unit of an activation. Earlier code took 0.99, which is a sigmoid's,
for activations without bound, and flagged the top tenth of any layer as extreme.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from espalier.apoptosis.activation_hooks import observe
from espalier.surgery.pairs import Pair

Batch: TypeAlias = tuple[Tensor, Tensor]
Category: TypeAlias = Literal["dead", "saturated", "hot"]

AT_END = 0.95
"""How far out a bounded activation counts as being at an end: 0 is the middle, 1 the end."""
PIECE = 256
"""Samples looked at at once."""
MAD_OF_NORMAL = 1.4826
"""What a median absolute deviation is multiplied by to be a normal's standard deviation."""


@dataclass(frozen=True)
class Curve:
    """What a nonlinearity does to a unit: `rectified`, `bounded` between two values, or `open`."""

    kind: Literal["rectified", "bounded", "open"] = "open"
    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def of(cls, modules: Iterable[nn.Module]) -> Curve:
        """That of the last nonlinearity among `modules`; open if none is known."""
        known = [curve for m in modules if (curve := _CURVES.get(type(m))) is not None]
        return known[-1] if known else cls()

    def place(self, x: Tensor) -> Tensor:
        """How far from the middle of a bounded range, as a share of the way to its end."""
        return (2 * (x - self.low) / (self.high - self.low) - 1).abs()


RECTIFIED = Curve("rectified", 0.0)
TANH = Curve("bounded", -1.0, 1.0)
SIGMOID = Curve("bounded", 0.0, 1.0)

# GELU and SiLU are rectified all but a little, and ReLU6 is hardly ever at its upper end.
_CURVES: dict[type[nn.Module], Curve] = {
    **dict.fromkeys((nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU), RECTIFIED),
    **dict.fromkeys((nn.Tanh, nn.Hardtanh, nn.Softsign), TANH),
    **dict.fromkeys((nn.Sigmoid, nn.Hardsigmoid), SIGMOID),
    **dict.fromkeys((nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.Softplus), Curve()),
}


@dataclass(frozen=True)
class Limits:
    """Where each category begins.

    A rectified unit is dead if it fires in less than `silent` of the samples, and saturated if in
    more than `always`. A bounded one is saturated if it is at an end in more than `stuck` of them.
    A unit is hot above `far` robust standard deviations. `least` samples must have been seen.
    """

    silent: float = 1e-2
    always: float = 0.99
    stuck: float = 0.9
    far: float = 3.0
    least: int = 1000


@dataclass
class Activity:
    """What each of `units` units does, gathered batch by batch in double precision.

    A *sample* is one value of every unit; positions of a map or of a sequence are samples.
    """

    units: int
    curve: Curve = RECTIFIED
    samples: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)  # of each measure, (units,)
    lowest: Tensor = field(default_factory=lambda: torch.tensor(math.inf))
    highest: Tensor = field(default_factory=lambda: torch.tensor(-math.inf))

    @torch.no_grad()
    def add(self, x: Tensor, slope: Tensor | None = None) -> None:
        """Count in activations (..., units) and, if there are, the loss's gradients by them.

        Raises ValueError for another number of units, or values that are not finite.
        """
        if x.shape[-1] != self.units:
            raise ValueError(f"activations of {x.shape[-1]} units, where there are {self.units}")
        x = x.detach().reshape(-1, self.units)
        if not x.isfinite().all():
            raise ValueError("activations are not finite: the run has diverged")
        self.samples += len(x)
        self.lowest = torch.minimum(self.lowest.to(x), x.amin(0))
        self.highest = torch.maximum(self.highest.to(x), x.amax(0))
        self._count("fired", x > 0)
        self._count("magnitude", x.abs())
        if self.curve.kind == "bounded":
            self._count("at_end", self.curve.place(x) > AT_END)
        if slope is not None:
            self._count("sensitivity", (x * slope.detach().reshape(x.shape)).abs())

    def _count(self, name: str, values: Tensor) -> None:
        total = values.sum(0, dtype=torch.float64)
        self.sums[name] = self.sums[name] + total if name in self.sums else total

    def mean(self, name: str) -> Tensor:
        """(units,) float64: the mean of a measure over all samples; 0 if it was never counted."""
        total = self.sums.get(name)
        zero = torch.zeros(self.units, dtype=torch.float64, device=self.lowest.device)
        return zero if total is None else total / self.samples

    @property
    def firing(self) -> Tensor:
        """(units,): the share of samples in which a unit is above 0."""
        return self.mean("fired")

    @property
    def magnitude(self) -> Tensor:
        """(units,): the mean absolute activation."""
        return self.mean("magnitude")

    @property
    def at_end(self) -> Tensor:
        """(units,): the share of samples in which a bounded unit is at one of its ends."""
        return self.mean("at_end")

    @property
    def sensitivity(self) -> Tensor:
        """(units,): E|a dL/da|, what the loss owes to a unit to first order."""
        return self.mean("sensitivity")

    @property
    def constant(self) -> Tensor:
        """(units,) bool: whether a unit was the same in every sample."""
        return self.lowest == self.highest


@dataclass(frozen=True)
class Extrema:
    """The units of a layer by category, each (units,) bool; no unit is in two of them.

    `severity` (units,) has a meaning within a category: larger is worse.
    """

    dead: Tensor
    saturated: Tensor
    hot: Tensor
    severity: Tensor

    def worst(self, category: Category, most: int) -> Tensor:
        """(n,) indices of at most `most` units of a category, the worst first, then by index."""
        flagged: Tensor = getattr(self, category)
        units = flagged.nonzero().flatten()
        order = self.severity[units].argsort(descending=True, stable=True)
        return units[order[:most]]


def robust_z(values: Tensor, among: Tensor) -> Tensor:
    """Deviations from the median of those `among` (bool) the values, in robust standard deviations.

    Deviations that are rounding are 0, and where most values are the same all others are far out.
    """
    if not bool(among.any()):
        return torch.zeros_like(values)
    middle = values[among].quantile(0.5)
    spread = MAD_OF_NORMAL * (values[among] - middle).abs().quantile(0.5)
    return (values - middle) / spread.clamp_min(1e-9 * middle.abs()).clamp_min(1e-300)


def find(activity: Activity, limits: Limits | None = None) -> Extrema:
    """The extrema of a layer. Raises ValueError if too few samples were seen."""
    limits = limits or Limits()
    if activity.samples < limits.least:
        raise ValueError(
            f"extrema were asked for after {activity.samples} samples, and it takes {limits.least}"
        )
    dead, saturated, severity = _by_kind(activity, limits)
    z = robust_z(activity.magnitude, ~dead)
    hot = (z > limits.far) & ~dead & ~saturated
    return Extrema(dead, saturated, hot, torch.where(hot, z, severity))


def _by_kind(activity: Activity, limits: Limits) -> tuple[Tensor, Tensor, Tensor]:
    """(units,) each: dead, saturated, and how badly."""
    if activity.curve.kind == "rectified":
        dead, saturated = activity.firing < limits.silent, activity.firing > limits.always
        return dead, saturated, torch.where(dead, -activity.firing, activity.firing)
    saturated = activity.at_end > limits.stuck  # never of an open range
    return activity.constant & ~saturated, saturated, activity.at_end


def look(
    pairs: Sequence[Pair],
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    batches: Iterable[Batch],
) -> Mapping[str, Activity]:
    """What the units of each of `pairs` do on `batches` (x, y) of training samples, by pair's name.

    Activations are what the consumer is fed, in evaluation mode; `loss` maps outputs and y to a
    mean over samples. Of maps and of layers of more than 1,024 units not every value may be seen.
    """
    seen = {pair.name: Activity(pair.size, Curve.of(pair.between)) for pair in pairs}
    for x, y in _pieces(batches):
        for one in observe(pairs, model, loss, (x, y)):
            # (samples, positions, neurons, per) -> (samples, positions, per, neurons); and of the
            # sum of the losses the slopes are each sample's own
            after = one.activations.transpose(2, 3)
            slope = one.activation_grads.transpose(2, 3) * len(x)
            seen[one.pair.name].add(after, slope)
    return seen


def _pieces(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Batches of which nothing is left out: an observation keeps only so many numbers."""
    for x, y in batches:
        yield from zip(torch.split(x, PIECE), torch.split(y, PIECE), strict=True)
