"""Dynamic sparse reparameterization (DSR): one threshold for all layers, growth where weights stay.

Every live weight below the threshold is dropped. As many grow, at random, in each layer in
proportion to what has survived there. The threshold is doubled if too few were dropped and halved
if too many.

Source: Mostafa and Wang 2019, Parameter Efficient Training of Deep Convolutional Neural Networks by
Dynamic Sparse Reparameterization, arXiv 1902.05967, algorithm 1.
Differs: the first threshold is the one that meets the first target; the target falls as the cosine
that all methods share; the largest weight of each unit stays.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.sparse_training import (
    Rewiring,
    Sparse,
    SparseTraining,
    count_missing,
    grow_as_many_as_dropped,
    score_at_random,
)
from espalier.sparse.allocation import apportion
from espalier.sparse.edges import Edges
from espalier.sparse.selection import select_droppable

TOLERANCE = 0.1
"""The share of the target that may be missed before the threshold moves."""


@kconfig_dataclass
class SparseReparameterization(SparseTraining):
    """`memory` has the threshold, below 0 before the first event."""

    schedule: DropSchedule

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(
            self.schedule,
            drop_criterion=drop_below_threshold,
            grow_criterion=score_at_random,
            grow_counts=grow_by_survivors,
        )

    @override
    def attach(self, run: Run[Sparse]) -> None:
        super().attach(run)
        run.method_state.memory = [torch.tensor(-1.0, dtype=torch.float64)]


def drop_below_threshold(run: Run[Sparse], schedule: DropSchedule) -> list[Tensor]:
    """Return the live weights below the threshold, and move it for the next event."""
    edges, (threshold,) = run.method_state.edges, run.method_state.memory
    target = schedule.drop_count(sum(edges.counts), run.step, run.total_steps)
    if threshold < 0:
        threshold.fill_(_threshold_for(target, edges))
    limit = min(float(threshold), _threshold_for(sum(count_missing(edges)), edges))
    parts = zip(edges.weights, edges.live, edges.orientations, strict=True)
    dropped = [select_droppable(w, live, o) & (w.detach().abs() < limit) for w, live, o in parts]
    threshold.mul_(_correction(sum(int(mask.sum()) for mask in dropped), target))
    return dropped


def grow_by_survivors(run: Run[Sparse], dropped: list[Tensor]) -> list[int]:
    """Return how many weights grow in each layer, in proportion to what stays of it."""
    edges, lost = run.method_state.edges, grow_as_many_as_dropped(run, dropped)
    stay = [float(count - less) for count, less in zip(edges.counts, lost, strict=True)]
    return apportion(sum(lost), stay, count_missing(edges))


def _threshold_for(target: int, edges: Edges) -> float:
    """Return the threshold that `target` live weights are below, or as many as can be."""
    parts = zip(edges.weights, edges.live, strict=True)
    sizes = torch.cat([w.detach()[live].abs() for w, live in parts]).sort().values
    return float(sizes[min(target, len(sizes) - 1)])


def _correction(count: int, target: int) -> float:
    if count < (1 - TOLERANCE) * target:
        return 2.0
    return 0.5 if count > (1 + TOLERANCE) * target else 1.0
