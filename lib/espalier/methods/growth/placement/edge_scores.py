"""How much each edge of a layer is wanted: scores of all of them, the higher the better.

Each function takes or gives one tensor a layer in its weight's shape (outputs, inputs, ...).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from espalier.core.contracts import Run
from espalier.surgery.probe import evaluating
from espalier.train.engine.losses import mean_losses

Batch = tuple[Tensor, Tensor]


def random(weights: Sequence[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Uniform in [0, 1): every edge is equally likely. `generator` lives on the CPU."""
    return [torch.rand(w.shape, generator=generator).to(w.device) for w in weights]


def gradient(model: nn.Module, weights: Sequence[Tensor], batch: Batch) -> list[Tensor]:
    """|dL/dw| of every edge, there or not, on a batch (x, y).

    In a pass of its own, in evaluation mode; nothing of the model changes, its gradients neither.

    Source: the growth of RigL, Evci et al. 2020, arXiv 1911.11134.
    """
    x, y = batch
    with evaluating(model), torch.enable_grad():
        loss = mean_losses(model(x), y, 1).sum()
        found = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    return [slope.abs_() for slope in found]


def momentum(averages: Sequence[Tensor]) -> list[Tensor]:
    """The size of running averages of the gradient.

    Source: sparse momentum, Dettmers and Zettlemoyer 2019, arXiv 1907.04840.
    """
    return [average.abs() for average in averages]


def drawn(run: Run, most: int) -> Batch:
    """At most so many different training samples, from the method's own generator."""
    order = torch.randperm(len(run.train), generator=run.generators["method"])[:most]
    return next(iter(run.train.batches(order[None], len(order))))
