"""RigL: drop the live weights of smallest magnitude, grow where the dense gradient is largest.

Source: Evci et al. 2020, Rigging the Lottery: Making All Tickets Winners, arXiv 1911.11134,
algorithm 1.
Differs: what is dropped does not grow back in the same event; the largest weight of each unit
stays. In the harness the gradient is of a batch drawn for it, in evaluation mode; in a loop of the
user's it is, as published, that of the update that the event follows.
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
    RewiringRule,
    Sparse,
    SparseTraining,
    drop_smallest_magnitudes,
)
from espalier.surgery.probe import evaluating
from espalier.train.engine.losses import mean_losses
from espalier.train.random_batch import draw_batch


@kconfig_dataclass
class RiggedLottery(SparseTraining):
    """Grow the missing weights with the largest |dL/dw|, layer by layer."""

    schedule: DropSchedule

    @property
    @override
    def rewiring(self) -> RewiringRule:
        return Rewiring(
            self.schedule,
            drop_criterion=drop_smallest_magnitudes,
            grow_criterion=score_by_gradient,
        )

    def reads_at(self, run: Run[Sparse], step: int) -> bool:
        """Return whether an event follows update `step`."""
        return self.acts_at(run, step)

    def acts_at(self, run: Run[Sparse], step: int) -> bool:
        """Return whether an event follows update `step`."""
        return self.schedule.is_due(step, run.total_steps)

    def from_gradient(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """Return the gradient."""
        del weight
        return gradient

    def take_gradients(self, run: Run[Sparse], sums: Sequence[Tensor | None]) -> None:
        """Keep the gradients for the event; those of a weight that has none are 0."""
        pairs = zip(sums, run.method_state.edges.weights, strict=True)
        run.method_state.gradients = [
            torch.zeros_like(w, requires_grad=False) if x is None else x for x, w in pairs
        ]

    def from_data(self, run: Run[Sparse]) -> list[Tensor]:
        """Return the gradients."""
        return run.method_state.gradients


def score_by_gradient(run: Run[Sparse]) -> list[Tensor]:
    """Return the grow criterion of RigL: |dL/dw| of every weight, whether it is live or not.

    Of the gradients that were taken for this event, else on a batch drawn for it.
    """
    taken, run.method_state.gradients = run.method_state.gradients, []
    if taken:
        return [gradient.abs() for gradient in taken]
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
