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

from dataclasses import replace

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.rewiring_options import SparsePlan
from espalier.methods.rewiring.rigl import RiggedLottery, score_by_gradient
from espalier.methods.rewiring.sparse_training import Rewiring, Sparse
from espalier.sparse.allocation import live_total
from espalier.sparse.selection import magnitudes, select_droppable, select_smallest, select_weakest


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
    def rewiring(self) -> Rewiring:
        return Rewiring(
            self.schedule,
            drop_criterion=self._prune_and_drop,
            grow_criterion=score_by_gradient,
            grow_counts=self._count_regrown,
            regrow=True,
        )

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

    def _prune_and_drop(self, run: Run[Sparse], schedule: DropSchedule) -> list[Tensor]:
        """Return what the ramp removes, and the share of the rest that makes room."""
        edges = run.method_state.edges
        pruned = self._prune(run)
        live = [old & ~gone for old, gone in zip(edges.live, pruned, strict=True)]
        dropped = []
        for w, kept, gone, o in zip(edges.weights, live, pruned, edges.orientations, strict=True):
            quota = schedule.drop_count(int(kept.sum()), run.step, run.total_steps)
            dropped.append(gone | select_weakest(w, kept, quota, o))
        return dropped

    def _prune(self, run: Run[Sparse]) -> list[Tensor]:
        """Return the smallest |w| of all layers that are above the ramp's density."""
        edges = run.method_state.edges
        total = live_total(sum(edges.masks.sizes), self.density(run.step, run.total_steps))
        parts = zip(edges.weights, edges.live, edges.orientations, strict=True)
        free = [select_droppable(w, live, o) for w, live, o in parts]
        keys = torch.cat(
            [
                torch.where(may_go, magnitudes(w), torch.inf).flatten()
                for w, may_go in zip(edges.weights, free, strict=True)
            ]
        )
        surplus = min(max(0, sum(edges.counts) - total), sum(int(x.sum()) for x in free))
        return edges.masks.split(select_smallest(keys, surplus))

    def _count_regrown(self, run: Run[Sparse], dropped: list[Tensor]) -> list[int]:
        """Return for each layer what went beside what the ramp removed."""
        pruned = self._prune(run)
        return [int((gone & ~less).sum()) for gone, less in zip(dropped, pruned, strict=True)]
