"""SRigL: RigL in which all units of a layer have the same number of live inputs.

At an event a layer's smallest |w| go. A weight is salient if it is among those that stay, or among
the missing ones with the largest |dL/dw|, as many as go. A unit with too few salient weights is
ablated, all its inputs removed; it comes back at an event at which it has enough. The others share
the layer's live weights equally and are filled up where |dL/dw| is largest. The last layer loses no
unit.

Source: Lasby et al. 2024, Dynamic Sparse Training with Structured Sparsity, arXiv 2305.02299,
section 3, and its public code.
Differs: as in the paper, only missing weights are salient by their gradient, where the code ranks
all. The share of salient weights is of the fan-in that all units would have. Where too few units
have it for the layer's weights to fit, as many as it takes, and one more, live all the same. Of a
unit that keeps more weights than its fan-in the largest stay; the code leaves open which. The
fan-in is rounded down, but is at least 1 where a layer has fewer weights than units. The gradient
is RigL's here; the weights at first are those that all methods share.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.core.self_measuring import Measures
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.constant_fan_in import (
    FanInLayer,
    fan_in_of,
    select_best_of_each,
)
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.rigl import RiggedLottery, score_by_gradient
from espalier.methods.rewiring.sparse_training import RewiringRule, Sparse
from espalier.sparse.edges import Edges
from espalier.sparse.initial_edges import draw_uniform, scale_to_live_fan_in
from espalier.sparse.selection import LARGEST


@dataclass(frozen=True)
class FanInRewiring(RewiringRule):
    """The rule of SRigL; `salient` is the share of its fan-in that a unit needs, 0: none goes."""

    plan: SparsePlan
    salient: float

    @override
    def choose(self, run: Run[Sparse]) -> tuple[list[Tensor], list[Tensor]]:
        edges = run.method_state.edges
        counts = [self.schedule.drop_count(n, run.step, run.total_steps) for n in edges.counts]
        layers = self._layers(run)
        units = [self._units(*pair) for pair in zip(layers[:-1], counts[:-1], strict=True)]
        units.append(torch.ones_like(layers[-1].live.flatten(1)[:, 0]))
        parts = zip(layers, units, counts, strict=True)
        live = edges.as_stored([layer.renew(alive, n) for layer, alive, n in parts])
        pairs = list(zip(edges.live, live, strict=True))
        return [old & ~new for old, new in pairs], [new & ~old for old, new in pairs]

    def _layers(self, run: Run[Sparse]) -> list[FanInLayer]:
        """Return each layer with the live weights that the plan has for it."""
        edges = run.method_state.edges
        sizes = [x.nan_to_num(0.0, LARGEST) for x in score_by_gradient(run)]
        parts = (edges.by_unit(x) for x in (edges.weights, edges.live, sizes))
        budgets = self.plan.counts(edges.names, [w.shape for w in edges.weights])
        return [FanInLayer(*each) for each in zip(*parts, budgets, strict=True)]

    def _units(self, layer: FanInLayer, dropped: int) -> Tensor:
        if self.salient == 0:
            return torch.ones_like(layer.live.flatten(1)[:, 0])
        return layer.ablate(dropped, self.salient)


@kconfig_dataclass
class StructuredLottery(RiggedLottery):
    """`min_salient`: the share of its fan-in that a unit must have as salient weights, [0, 1]."""

    min_salient: float

    @property
    @override
    def rewiring(self) -> RewiringRule:
        return FanInRewiring(self.schedule, self.plan, self.min_salient)

    @override
    def _begin(self, run: Run[Sparse], edges: Edges, counts: list[int]) -> int:
        keys = edges.by_unit(draw_uniform(edges.weights, run.generators["method"]))
        rows = [
            select_best_of_each(key, fan_in_of(count, len(key), key[0].numel()))
            for key, count in zip(keys, counts, strict=True)
        ]
        live = edges.as_stored(rows)
        if self.plan.init == "live":
            scale_to_live_fan_in(edges, live)
        edges.begin(live)
        return 0

    @override
    def measures(self, run: Run[Sparse]) -> Measures:
        """Return `units_ablated` too, those of all layers without a live input."""
        edges = run.method_state.edges
        live = (rows.flatten(1).any(1) for rows in edges.by_unit(edges.live))
        return {**super().measures(run), "units_ablated": sum(int((~x).sum()) for x in live)}
