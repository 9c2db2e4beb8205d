"""SNIP: connections on which the loss depends least go, before training.

Source: Lee, Ajanthan and Torr 2019, SNIP: Single-shot Network Pruning based on Connection
Sensitivity, arXiv 1810.02340, equation 5 and algorithm 1.
Differs: the sensitivity is not divided by its sum, which no order sees; the gradient may be the
mean over several batches; weights are those of the model's own initialisation, where the paper asks
for variance scaling. Augmentation is not applied. Measured in rounds it is the iterative form of
de Jorge et al. 2021, arXiv 2006.09081, section 4 (Iterative SNIP).
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
class Snip(DataCriterion):
    """Score |w g|, with g the gradient of the mean loss."""

    @override
    def saliencies(self, run: Run[Pruner]) -> list[Tensor]:
        weights = run.method_state.masks.weights
        total = mean_gradients(self, run)
        return [(w.detach() * g).abs() for w, g in zip(weights, total, strict=True)]


def mean_gradients(criterion: DataCriterion, run: Run[Pruner]) -> list[Tensor]:
    """Return the gradients of the masked weights, the mean over batches and processes."""
    weights, loss = run.method_state.masks.weights, samples_of(run).loss
    total, count = [torch.zeros_like(w, requires_grad=False) for w in weights], 0
    with measuring(run, training=True) as model:
        for x, y in criterion.passes(run):
            torch._foreach_add_(total, gradients_of(loss(model(x), y), weights))
            count += 1
    torch._foreach_div_(total, max(1, count))
    processes.average(total)
    return total
