"""Sparse networks from scratch (SNFS): edges come where a running average of the gradient is large.

And layers whose live edges have the larger averages get more of them.

Source: Dettmers and Zettlemoyer 2019, Sparse Networks from Scratch: Faster Training without Losing
Performance, arXiv 1907.04840.
Differs: the average is the method's own, whatever the optimizer has; what a layer loses follows
the cosine that all methods share.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.growth.placement import edge_scores
from espalier.methods.rewiring.rewiring_options import EdgeTurnover
from espalier.methods.rewiring.sparse_training import (
    Rewiring,
    Sparse,
    SparseTraining,
    count_as_lost,
    drop_smallest,
    missing,
)
from espalier.sparse.allocation import apportion


@kconfig_dataclass
class SparseMomentum(SparseTraining):
    """`memory` has the running average of the gradient of every edge, there or not.

    Memory: one value a weight.
    """

    turnover: EdgeTurnover
    momentum: float

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(self.turnover, score_by_momentum, drop_smallest, count_by_momentum)

    @override
    def attach(self, run: Run[Sparse]) -> None:
        super().attach(run)
        state = run.method_state
        state.memory = [torch.zeros_like(w, requires_grad=False) for w in state.edges.weights]

    @override
    @torch.no_grad()
    def after_backward(self, run: Run[Sparse]) -> None:
        """Gradients must be unscaled and not yet clipped."""
        state = run.method_state
        pairs = zip(state.memory, state.edges.weights, strict=True)
        steps = [(m, _finite(w.grad)) for m, w in pairs if w.grad is not None]
        if steps:
            torch._foreach_lerp_([m for m, _ in steps], [g for _, g in steps], 1 - self.momentum)
        super().after_backward(run)


def score_by_momentum(run: Run[Sparse]) -> list[Tensor]:
    """Score each edge by the size of its average."""
    return edge_scores.momentum(run.method_state.memory)


def count_by_momentum(run: Run[Sparse], gone: list[Tensor]) -> list[int]:
    """Return the edges each layer gets, in proportion to its live edges' mean average."""
    state = run.method_state
    sizes = zip(state.memory, state.edges.live, strict=True)
    means = [float(average[live].abs().mean()) for average, live in sizes]
    return apportion(sum(count_as_lost(run, gone)), means, missing(state.edges))


def _finite(gradient: Tensor) -> Tensor:
    """Without infinities, of steps that loss scaling will skip: one would stay for ever."""
    return gradient.nan_to_num(0.0, 0.0, 0.0)
