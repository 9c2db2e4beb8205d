"""What a neuron is really worth: the loss without it, and how well each measure ranks that."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from scipy import stats
from torch import Tensor, nn

from espalier.surgery.pairs import Pair

Loss = Callable[[Tensor, Tensor], Tensor]
TOGETHER = 16  # neurons left out in one pass, each in a copy of the batch of its own


@torch.no_grad()
def ablation(pair: Pair, model: nn.Module, losses: Loss, batch: tuple[Tensor, Tensor]) -> Tensor:
    """(neurons,): by how much the mean loss on a batch (x, y) rises without each neuron.

    Without means that its activation is 0. `losses` maps outputs and y to one loss a sample.
    Computed in evaluation mode, which is then left as it was.
    """
    training = model.training
    model.eval()
    try:
        x, y = batch
        whole = losses(model(x), y).mean()
        groups = torch.split(torch.arange(pair.size, device=x.device), TOGETHER)
        return torch.cat([_without(pair, model, losses, batch, group) for group in groups]) - whole
    finally:
        model.train(training)


def _without(
    pair: Pair, model: nn.Module, losses: Loss, batch: tuple[Tensor, Tensor], group: Tensor
) -> Tensor:
    """The mean loss without each neuron of `group`, in copies of the batch one after another."""
    x, y = (part.repeat(len(group), *[1] * (part.ndim - 1)) for part in batch)

    def silence(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        del module
        copies = args[0].clone().view(len(group), -1, *args[0].shape[1:])
        for copy, neuron in zip(copies, group.tolist(), strict=True):
            _inputs_of(pair, copy, neuron).zero_()
        return (copies.flatten(0, 1), *args[1:])

    handle: Any = pair.consumer.register_forward_pre_hook(silence)
    try:
        return losses(model(x), y).view(len(group), -1).mean(1)
    finally:
        handle.remove()


def _inputs_of(pair: Pair, x: Tensor, neuron: int) -> Tensor:
    """The view of a consumer's input x that comes from one neuron."""
    if isinstance(pair.consumer, nn.Conv2d):
        return x[:, neuron]
    return x[..., neuron * pair.per : (neuron + 1) * pair.per]


def correlations(truth: Tensor, fitness: Mapping[str, Tensor]) -> dict[str, float]:
    """Spearman's rank correlation of each measure with the truth; nan if either is constant."""
    return {name: _spearman(truth, values) for name, values in fitness.items()}


def _spearman(one: Tensor, other: Tensor) -> float:
    known, found = (values.double().cpu().numpy() for values in (one, other))
    if any(values.min() == values.max() for values in (known, found)):
        return math.nan
    return float(stats.spearmanr(known, found).statistic)
