"""GraSP: connections go whose removal keeps most of the gradient's flow, before training.

Source: Wang, Zhang and Grosse 2020, Picking Winning Tickets Before Training by Preserving Gradient
Flow, arXiv 2002.07376, equation 8 and algorithm 1: the score of removal is -w * Hg, and the highest
go.
Differs: batches are drawn at random and have the run's size, where the public code takes as many
samples of each class, and linear layers keep the model's own initialisation.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.pruning.measured_criterion import (
    DataCriterion,
    gradients_of,
    measuring,
    samples_of,
)
from espalier.sparse import processes
from espalier.sparse.pruner import Pruner


@kconfig_dataclass
class Grasp(DataCriterion):
    """Score w * Hg, with g and H of the mean loss of logits divided by `temperature`."""

    temperature: float

    @override
    def saliencies(self, run: Run[Pruner]) -> list[Tensor]:
        weights = run.method_state.masks.weights
        with measuring(run, training=True) as model:
            batches = list(self.passes(run, each=3))  # forward and back, and two passes for Hg
            losses = (self._loss(run, model(x), y) for x, y in batches)
            slope = self._mean(run, [gradients_of(loss, weights) for loss in losses])
            losses = (self._loss(run, model(x), y) for x, y in batches)
            flows = self._mean(run, [self._product(run, loss, slope) for loss in losses])
        return [w.detach() * flow for w, flow in zip(weights, flows, strict=True)]

    def _loss(self, run: Run[Pruner], outputs: Tensor, y: Tensor) -> Tensor:
        return samples_of(run).loss(outputs / self.temperature, y)

    def _product(self, run: Run[Pruner], loss: Tensor, slope: list[Tensor]) -> list[Tensor]:
        """Return the Hessian of a loss times `slope`."""
        weights = run.method_state.masks.weights
        own = gradients_of(loss, weights, graph=True)
        pairs = zip(own, slope, strict=True)
        return gradients_of(torch.stack([(a * b).sum() for a, b in pairs]).sum(), weights)

    def _mean(self, run: Run[Pruner], parts: list[list[Tensor]]) -> list[Tensor]:
        """Return the mean over batches and processes, 0 where a weight is pruned."""
        total = [torch.stack(column).mean(0) for column in zip(*parts, strict=True)]
        processes.average(total)
        for x, keep in zip(total, run.method_state.masks.keep, strict=False):
            x.mul_(keep)
        return total
