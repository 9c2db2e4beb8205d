"""RigL: drop the live weights of smallest magnitude, grow where the dense gradient is largest.

Source: Evci et al. 2020, Rigging the Lottery: Making All Tickets Winners, arXiv 1911.11134,
algorithm 1.
Differs: what is dropped does not grow back in the same event; the gradient is of a batch drawn for
it, in evaluation mode; the largest weight of each unit stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.rewiring.drop_schedule import DropSchedule
from espalier.methods.rewiring.sparse_training import (
    Rewiring,
    Sparse,
    SparseTraining,
    drop_smallest_magnitudes,
)
from espalier.surgery.probe import evaluating
from espalier.train.engine.losses import mean_losses
from espalier.train.random_batch import draw_batch


@kconfig_dataclass
class RigL(SparseTraining):
    """Grow the missing weights with the largest |dL/dw|, layer by layer."""

    schedule: DropSchedule

    @property
    @override
    def rewiring(self) -> Rewiring:
        return Rewiring(
            self.schedule,
            drop_criterion=drop_smallest_magnitudes,
            grow_criterion=score_by_gradient,
        )


def score_by_gradient(run: Run[Sparse]) -> list[Tensor]:
    """Return the grow criterion of RigL: |dL/dw| of every weight on a batch drawn for it."""
    weights = run.method_state.edges.weights
    return dense_gradients(run.model, weights, draw_batch(run, run.batch_size))


def dense_gradients(
    model: nn.Module, weights: Sequence[Tensor], batch: tuple[Tensor, Tensor]
) -> list[Tensor]:
    """Return |dL/dw| of every weight, live or not, on a batch (x, y), in the weights' shapes.

    In a pass of its own, in evaluation mode. Nothing of the model changes, nor do its gradients.
    """
    x, y = batch
    with evaluating(model), torch.enable_grad():
        loss = mean_losses(model(x), y, 1).sum()
        grads = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    return [grad.abs_() for grad in grads]
