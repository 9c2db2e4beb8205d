"""Statistics of the units of a network with edges on training samples, once an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from espalier.methods.growth.structure.edge_network import Seen
from espalier.methods.growth.timing.growth_state import GrowthState
from espalier.train.engine.losses import mean_losses
from espalier.train.random_batch import draw_batch

NUM_SAMPLES = 1024
"""Training samples of the statistics, drawn anew each time."""


@dataclass(frozen=True)
class UnitStatistics:
    """Of n samples: `values` a_0 .. a_(L-1) and `gradients` dloss/dz_1 .. dz_L, (n, size) each.

    Where the units of a node have many places, `seen` and `edges` are those of an `Observation`.
    """

    values: list[Tensor]
    gradients: list[Tensor]
    seen: Mapping[int, Seen] | None = None
    edges: Mapping[Pair, Tensor] | None = None

    @property
    def hidden(self) -> Sequence[int]:
        """The nodes that are neither the data nor the logits."""
        return range(1, len(self.values)) if self.seen is None else sorted(self.seen)

    def mean_gradient(self, pair: Pair) -> Tensor:
        """Return E|dloss/dz| of each unit that a block leads to, (size,).

        Where that is not seen, the mean |dloss/dw| into it.
        """
        gradients = self.gradients[pair[1] - 1]
        return gradients.abs().mean(0) if len(gradients) else self.edge_gradient(pair).mean(1)

    def deviation(self, pair: Pair) -> Tensor:
        """Return the standard deviation of the value of each unit that a block reads: (size,)."""
        return self.values[pair[0]].std(0, correction=0)

    def edge_gradient(self, pair: Pair) -> Tensor:
        """Return |dloss/dw| of every edge of a block, live or not: (outputs, inputs)."""
        if self.edges is not None:
            return self.edges[pair]
        i, j = pair
        return (self.gradients[j - 1].t() @ self.values[i]).abs() / len(self.values[i])

    def correlation(self, pair: Pair) -> Tensor:
        """Return |corr(a_s, dloss/dz_t)|, 0 where one is constant: (outputs, inputs).

        Where that is not seen, `edge_gradient`.
        """
        values, gradients = self.values[pair[0]], self.gradients[pair[1] - 1]
        if len(values) != len(gradients) or not len(values):
            return self.edge_gradient(pair)
        return (_standardize(gradients).t() @ _standardize(values)).abs() / len(values)

    def activity(self, node: int) -> Activity:
        """Return the activity of a hidden node's units."""
        if self.seen is None:
            return Activity.of(self.values[node])
        seen = self.seen[node]
        return Activity(self.samples, seen.firing, seen.magnitude)

    @property
    def samples(self) -> int:
        """The number of samples."""
        return max(map(len, self.values))

    def extrema(self, node: int) -> Extrema:
        """Return the extrema of a hidden node."""
        activity = self.activity(node)
        samples = min(ExtremaThresholds.samples, activity.samples)
        extrema = find_extrema(activity, ExtremaThresholds(samples=samples))
        if self.seen is None:
            return extrema
        none = torch.zeros_like(extrema.dead)
        if self.seen[node].feeds:
            return Extrema(none, extrema.saturated, extrema.hot)
        return Extrema(extrema.dead, none, none)

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
    return UnitStatistics(
        **vars(run.method_state.editor.observe(draw_batch(run, NUM_SAMPLES), loss))
    )


def loss(logits: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross entropy of a batch."""
    return mean_losses(logits, y, 1).sum()


def _standardize(values: Tensor) -> Tensor:
    centred = values - values.mean(0)
    size = centred.square().mean(0).sqrt()
    return torch.where(size > 0, centred / size, 0.0)
