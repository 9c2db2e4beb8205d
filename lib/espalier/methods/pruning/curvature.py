"""Gradients of single samples, of which estimates of curvature are made."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from espalier.core.contracts import Run
from espalier.methods.pruning.measured_criterion import (
    DataCriterion,
    gradients_of,
    measuring,
    samples_of,
)
from espalier.sparse.pruner import Pruner


def sample_gradients(criterion: DataCriterion, run: Run[Pruner]) -> Iterator[list[Tensor]]:
    """Yield the gradients of the masked weights for one training sample after the other.

    The network is as in evaluation, in which no sample depends on the others of its batch.
    """
    weights, loss = run.method_state.masks.weights, samples_of(run).loss
    with measuring(run, training=False) as model:
        for x, y in criterion.passes(run):
            for sample, label in zip(torch.split(x, 1), torch.split(y, 1), strict=True):
                yield gradients_of(loss(model(sample), label), weights)
