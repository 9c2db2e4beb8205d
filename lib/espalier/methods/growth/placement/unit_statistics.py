"""What the units of a network of masked blocks do on training samples, looked at once a moment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.core.contracts import Run
from espalier.layers.masked_blocks import Pair
from espalier.methods.growth.placement.edge_scores import drawn
from espalier.methods.growth.placement.extrema import (
    Activity,
    Extrema,
    ExtremaThresholds,
    find,
    robust_z,
)
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.surgery.probe import evaluating
from espalier.train.engine.losses import mean_losses

LOOKED_AT = 1024
"""Training samples that are looked at, drawn anew each time."""


@dataclass(frozen=True)
class UnitStatistics:
    """Of n samples: `values` a_0 .. a_(L-1) and `slopes` dloss/dz_1 .. dz_L, (n, size) each."""

    values: list[Tensor]
    slopes: list[Tensor]

    def wanted(self, node: int) -> Tensor:
        """(size,): E|dloss/dz|, how much the loss asks of each unit of a node behind the input."""
        return self.slopes[node - 1].abs().mean(0)

    def spread(self, node: int) -> Tensor:
        """(size,): the standard deviation of each unit's value."""
        return self.values[node].std(0, correction=0)

    def gain(self, pair: Pair) -> Tensor:
        """(outputs, inputs): |dloss/dw| of every edge of a block, there or not."""
        i, j = pair
        return (self.slopes[j - 1].t() @ self.values[i]).abs() / len(self.values[i])

    def agreement(self, pair: Pair) -> Tensor:
        """(outputs, inputs): |corr(a_s, dloss/dz_t)|; 0 where one of the two is constant."""
        values, slopes = self.values[pair[0]], self.slopes[pair[1] - 1]
        return (_standard(slopes).t() @ _standard(values)).abs() / len(values)

    def activity(self, node: int) -> Activity:
        """What a hidden node's units do."""
        return Activity.of(self.values[node])

    def extrema(self, node: int) -> Extrema:
        """The extrema of a hidden node."""
        seen = self.activity(node)
        return find(seen, ExtremaThresholds(least=min(ExtremaThresholds.least, seen.samples)))

    def lowest(self, node: int) -> Tensor:
        """(size,) units of a hidden node: those that fire least come first, then by index."""
        return self.activity(node).firing.argsort(stable=True)

    def highest(self, node: int) -> Tensor:
        """(size,) units of a hidden node: hot ones first, then saturated ones, all by magnitude."""
        found, magnitude = self.extrema(node), self.activity(node).magnitude
        far = robust_z(magnitude, ~found.dead).argsort(descending=True, stable=True)
        kind = 2 * found.hot.long() + found.saturated.long()
        return far[kind[far].argsort(descending=True, stable=True)]


def look(run: Run[GrowthState]) -> UnitStatistics:
    """At `LOOKED_AT` training samples, drawn anew, in evaluation mode; nothing changes.

    `run.method_state.net` is the network.
    """
    net = run.method_state.net
    x, y = drawn(run, LOOKED_AT)
    with evaluating(net), torch.enable_grad():
        trace = net.trace(x)
        losses = mean_losses(trace.sums[-1], y, 1).sum() * len(x)  # the sum over samples
        slopes = torch.autograd.grad(losses, trace.sums)
    return UnitStatistics([value.detach() for value in trace.values], list(slopes))


def _standard(values: Tensor) -> Tensor:
    centred = values - values.mean(0)
    size = centred.square().mean(0).sqrt()
    return torch.where(size > 0, centred / size, 0.0)
