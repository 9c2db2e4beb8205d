"""Dynamic sparse reparameterization (DSR): one threshold for all layers, room where edges stay.

Every edge below the threshold goes. As many come, at random, in each layer in proportion to what
has survived there. The threshold is doubled if too few have gone and halved if too many.

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
from espalier.methods.rewiring.rewiring_options import EdgeTurnover
from espalier.methods.rewiring.sparse_training import (
    Rewiring,
    Sparse,
    SparseTraining,
    count_as_lost,
    missing,
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

    turnover: EdgeTurnover

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(self.turnover, score_at_random, drop_below_threshold, count_by_survivors)

    @override
    def attach(self, run: Run[Sparse]) -> None:
        super().attach(run)
        run.method_state.memory = [torch.tensor(-1.0, dtype=torch.float64)]


def drop_below_threshold(run: Run[Sparse], turnover: EdgeTurnover) -> list[Tensor]:
    """Return the edges below the threshold, and move it for the next event."""
    edges, (threshold,) = run.method_state.edges, run.method_state.memory
    target = turnover.quota(sum(edges.counts), run.step, run.total_steps)
    if threshold < 0:
        threshold.fill_(_meeting(target, edges))
    limit = min(float(threshold), _meeting(sum(missing(edges)), edges))
    parts = zip(edges.weights, edges.live, strict=True)
    gone = [select_droppable(w, live) & (w.detach().abs() < limit) for w, live in parts]
    threshold.mul_(_factor(sum(int(mask.sum()) for mask in gone), target))
    return gone


def count_by_survivors(run: Run[Sparse], gone: list[Tensor]) -> list[int]:
    """Return the edges each layer gets, in proportion to what stays of it."""
    edges, lost = run.method_state.edges, count_as_lost(run, gone)
    stay = [float(count - less) for count, less in zip(edges.counts, lost, strict=True)]
    return apportion(sum(lost), stay, missing(edges))


def _meeting(target: int, edges: Edges) -> float:
    """The threshold that `target` of the live edges are below, or as many as can be."""
    parts = zip(edges.weights, edges.live, strict=True)
    sizes = torch.cat([w.detach()[live].abs() for w, live in parts]).sort().values
    return float(sizes[min(target, len(sizes) - 1)])


def _factor(count: int, target: int) -> float:
    if count < (1 - TOLERANCE) * target:
        return 2.0
    return 0.5 if count > (1 + TOLERANCE) * target else 1.0
