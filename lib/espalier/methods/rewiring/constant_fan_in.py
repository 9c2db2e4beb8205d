"""Layers in which every live unit has the same number of live inputs: which units, and how many.

A unit is a row of a layer (units, inputs of a unit, ...). All selections are the same on every
machine: ties are decided by position.

Source: Lasby et al. 2024, Dynamic Sparse Training with Structured Sparsity, arXiv 2305.02299,
section 3, and its public code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.sparse.selection import magnitudes, select_smallest


def fan_in_of(budget: int, units: int, inputs: int) -> int:
    """Return the live inputs of each of `units` that share `budget` live weights: 1 to `inputs`."""
    return min(max(budget // units, 1), inputs)


def select_best_of_each(keys: Tensor, count: int) -> Tensor:
    """Return the `count` highest `keys` of every unit: (units, ...) bool."""
    rows = keys.flatten(1)
    best = rows.sort(dim=1, descending=True, stable=True).indices[:, :count]
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(1, best, True).view(keys.shape)


@dataclass(frozen=True)
class FanInLayer:
    """A layer at an event: `weight`, `live` and |gradient| `gradient`, all (units, inputs, ...).

    `budget` live weights are to be shared by its live units, as far as that comes out even.
    """

    weight: Tensor
    live: Tensor
    gradient: Tensor
    budget: int

    @property
    def inputs(self) -> int:
        """Inputs of a unit, live or not."""
        return math.prod(self.weight.shape[1:])

    def ablate(self, dropped: int, share: float) -> Tensor:
        """Return which units live when `dropped` weights are to be replaced: (units,) bool.

        Those with at least `share`, in [0, 1], of the fan-in that all units would have as salient
        weights, and at least one. If too few had as many for the budget to fit, as many units as
        it takes, and one more, with the most.
        """
        counts = self._count_salient(dropped)
        least = max(1, int(round(share * fan_in_of(self.budget, len(counts), self.inputs), 6)))
        needed = min(math.ceil(self.budget / self.inputs), len(counts) - 1)
        least = min(least, int(counts.sort(descending=True).values[needed]))
        return counts >= least

    def _count_salient(self, dropped: int) -> Tensor:
        """Return the salient weights of each unit: the largest live |w| and missing |gradient|."""
        missing = torch.where(self.live, -1.0, self.gradient)
        salient = self._largest_live(self.live, int(self.live.sum()) - dropped)
        salient |= select_smallest(-missing, min(dropped, int((~self.live).sum())))
        return salient.flatten(1).sum(1)

    def renew(self, units: Tensor, dropped: int) -> Tensor:
        """Return the live weights once `units` (units,) bool live: bool in the layer's shape.

        All but `dropped` of the layer's largest |w| stay, no more of a unit than its new fan-in. It
        is filled up with what has the largest |gradient| of all else.
        """
        count = fan_in_of(self.budget, int(units.sum()), self.inputs)
        alive = units.view(-1, *[1] * (self.weight.ndim - 1))
        kept = self._largest_live(self.live & alive, int(self.live.sum()) - dropped)
        sizes = torch.where(kept, magnitudes(self.weight), -1.0)
        kept &= select_best_of_each(sizes, count)
        return select_best_of_each(torch.where(kept, math.inf, self.gradient), count) & alive

    def _largest_live(self, live: Tensor, count: int) -> Tensor:
        """Return the `count` largest |w| of what is `live`, or all of that."""
        keys = torch.where(live, magnitudes(self.weight), -1.0)
        return select_smallest(-keys, min(count, int(live.sum())))
