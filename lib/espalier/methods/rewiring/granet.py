"""GraNet: prune gradually from a dense or denser start, and regrow by gradient at each event.

At an event the smallest |w| of all layers go until the density of a cubic ramp is met. Then a share
of what is left goes too, layer by layer, and as many grow where |dL/dw| is largest.

Source: Liu et al. 2021, Sparse Training via Boosting Pruning Plasticity with Neuroregeneration,
arXiv 2106.10404, equation 1 and algorithm 1.
Differs: the largest weight of each unit stays; the ramp begins at step 0 and ends at the last
event, where the paper's ends earlier and edges are replaced until training ends; the share of
CONFIG_SPARSE_SHARE is rounded down and is RigL's 0.3 by default, where the public code rounds its
0.5 up; an edge that goes and regrows in one event keeps its value, where in the code one that the
ramp removes begins at 0; the gradient is RigL's here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.rigl import RiggedLottery, score_by_gradient
from espalier.methods.rewiring.sparse_training import RewiringRule, Sparse
from espalier.sparse.allocation import live_total
from espalier.sparse.orientation import Orientation
from espalier.sparse.selection import (
    magnitudes,
    select_droppable,
    select_missing,
    select_smallest,
    select_weakest,
)


@dataclass(frozen=True)
class Regeneration(RewiringRule):
    """What is above the ramp's `density` at an update goes; a share of the rest is replaced."""

    density: Callable[[int, int], float]

    @override
    def choose(self, run: Run[Sparse]) -> tuple[list[Tensor], list[Tensor]]:
        edges, pruned = run.method_state.edges, self._prune(run)
        parts = zip(edges.weights, edges.live, pruned, edges.orientations, strict=True)
        replaced = [self._replace(run, *part) for part in parts]
        gone = [ramp | share for ramp, share in zip(pruned, replaced, strict=True)]
        free = [~live | some for live, some in zip(edges.live, gone, strict=True)]
        counts = (int(share.sum()) for share in replaced)
        missing = zip(score_by_gradient(run), free, counts, strict=True)
        return gone, [select_missing(*part) for part in missing]

    def _replace(
        self, run: Run[Sparse], weight: Tensor, live: Tensor, pruned: Tensor, way: Orientation
    ) -> Tensor:
        """Return the share of what the ramp leaves of a layer that makes room: its smallest |w|."""
        kept = live & ~pruned
        quota = self.schedule.drop_count(int(kept.sum()), run.step, run.total_steps)
        return select_weakest(weight, kept, quota, way)

    def _prune(self, run: Run[Sparse]) -> list[Tensor]:
        """Return the smallest |w| of all layers that are above the ramp's density."""
        edges = run.method_state.edges
        total = live_total(sum(edges.masks.sizes), self.density(run.step, run.total_steps))
        parts = zip(edges.weights, edges.live, edges.orientations, strict=True)
        free = [select_droppable(*part) for part in parts]
        keys = [
            torch.where(may_go, magnitudes(w), torch.inf).flatten()
            for w, may_go in zip(edges.weights, free, strict=True)
        ]
        surplus = min(max(0, sum(edges.counts) - total), sum(int(x.sum()) for x in free))
        return edges.masks.split(select_smallest(torch.cat(keys), surplus))


@kconfig_dataclass
class GradualRegrowth(RiggedLottery):
    """The density falls from `start_density`, in (0, 1], to that of the plan."""

    start_density: float

    @property
    @override
    def first_plan(self) -> SparsePlan:
        return replace(self.plan, density=self.start_density)

    @property
    @override
    def rewiring(self) -> RewiringRule:
        return Regeneration(self.schedule, self.density)

    @override
    def check_room(self, run: Run[Sparse]) -> None:
        """Raise CannotTrain if the density cannot fall."""
        if self.start_density < self.plan.density or self.plan.density == 1:
            raise CannotTrain(
                "nothing_to_prune",
                f"the density cannot fall from CONFIG_GRANET_START_DENSITY={self.start_density:g} "
                f"to CONFIG_SPARSE_DENSITY={self.plan.density:g}: lower the latter",
            )

    def density(self, step: int, total: int) -> float:
        """Return the density after the event at update `step`, in (0, 1]: equation 1."""
        left = 1 - min(1.0, step / self.schedule.last_due(total))
        return self.plan.density + (self.start_density - self.plan.density) * left**3
