"""RigL: the smallest weights go, edges come where the gradient is largest.

Source: Evci et al. 2020, Rigging the Lottery: Making All Tickets Winners, arXiv 1911.11134.
Differs: what goes does not come back in the same event; the gradient is of a batch drawn for it,
in evaluation mode; the largest weight of each unit stays.
"""

from __future__ import annotations

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
)


@kconfig_dataclass
class RigL(SparseTraining):
    """Growth by |dL/dw|."""

    turnover: EdgeTurnover

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(self.turnover, score_by_gradient, drop_smallest, count_as_lost)


def score_by_gradient(run: Run[Sparse]) -> list[Tensor]:
    """Score each edge by |dL/dw| on a batch drawn for it."""
    weights = run.method_state.edges.weights
    return edge_scores.gradient(run.model, weights, edge_scores.drawn(run, run.batch_size))
