"""Statistics of the units of a network of masked blocks on training samples, once an event."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.core.contracts import Run
from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.placement.extrema import (
    Activity,
    Extrema,
    ExtremaThresholds,
    find_extrema,
    robust_z,
)
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.surgery.probe import evaluating
from espalier.train.engine.losses import mean_losses
from espalier.train.random_batch import draw_batch

NUM_SAMPLES = 1024
"""Training samples of the statistics, drawn anew each time."""


@dataclass(frozen=True)
class UnitStatistics:
    """Of n samples: `values` a_0 .. a_(L-1) and `gradients` dloss/dz_1 .. dz_L, (n, size) each."""

    values: list[Tensor]
    gradients: list[Tensor]

    def mean_gradient(self, node: int) -> Tensor:
        """Return E|dloss/dz| of each unit of a node behind the input: (size,)."""
        return self.gradients[node - 1].abs().mean(0)

    def deviation(self, node: int) -> Tensor:
        """Return the standard deviation of each unit's value: (size,)."""
        return self.values[node].std(0, correction=0)

    def edge_gradient(self, pair: Pair) -> Tensor:
        """Return |dloss/dw| of every edge of a block, live or not: (outputs, inputs)."""
        i, j = pair
        return (self.gradients[j - 1].t() @ self.values[i]).abs() / len(self.values[i])

    def correlation(self, pair: Pair) -> Tensor:
        """Return |corr(a_s, dloss/dz_t)|, 0 where one is constant: (outputs, inputs)."""
        values, gradients = self.values[pair[0]], self.gradients[pair[1] - 1]
        return (_standardize(gradients).t() @ _standardize(values)).abs() / len(values)

    def activity(self, node: int) -> Activity:
        """Return the activity of a hidden node's units."""
        return Activity.of(self.values[node])

    def extrema(self, node: int) -> Extrema:
        """Return the extrema of a hidden node."""
        activity = self.activity(node)
        samples = min(ExtremaThresholds.samples, activity.samples)
        return find_extrema(activity, ExtremaThresholds(samples=samples))

    def rank_by_inactivity(self, node: int) -> Tensor:
        """Return a hidden node's units, the least firing first, then by index: (size,)."""
        return self.activity(node).firing.argsort(stable=True)

    def rank_by_activity(self, node: int) -> Tensor:
        """Return a hidden node's units: hot, then saturated, then others, by magnitude: (size,)."""
        extrema, magnitude = self.extrema(node), self.activity(node).magnitude
        far = robust_z(magnitude, ~extrema.dead).argsort(descending=True, stable=True)
        kind = 2 * extrema.hot.long() + extrema.saturated.long()
        return far[kind[far].argsort(descending=True, stable=True)]


def measure_units(run: Run[GrowthState]) -> UnitStatistics:
    """Measure the units of `run.method_state.net` on `NUM_SAMPLES` training samples.

    They are drawn anew; the network is in evaluation mode and does not change.
    """
    net = run.method_state.net
    x, y = draw_batch(run, NUM_SAMPLES)
    with evaluating(net), torch.enable_grad():
        trace = net.trace(x)
        losses = mean_losses(trace.sums[-1], y, 1).sum() * len(x)  # the sum over samples
        gradients = torch.autograd.grad(losses, trace.sums)
    return UnitStatistics([value.detach() for value in trace.values], list(gradients))


def _standardize(values: Tensor) -> Tensor:
    centred = values - values.mean(0)
    size = centred.square().mean(0).sqrt()
    return torch.where(size > 0, centred / size, 0.0)
