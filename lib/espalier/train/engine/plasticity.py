"""How plastic a network is: dormant units, rank of its features, lengths of weights and gradient.

Sources: Sokar et al. 2023, "The Dormant Neuron Phenomenon in Deep Reinforcement Learning",
arXiv 2302.12902, definition 3.1 (dormant); Kumar, Agarwal, Ghosh and Levine 2021, "Implicit
Under-Parameterization Inhibits Data-Efficient Deep Reinforcement Learning", arXiv 2010.14498,
section 3 (effective rank); Roy and Vetterli 2007, "The effective rank: a measure of effective
dimensionality" (entropy rank).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.core.trial import Record
from espalier.layers.concatenated_relu import ConcatenatedReLU
from espalier.surgery.probe import at_least_single, evaluating

DORMANT = 0.1
"""The score, relative to the layer's mean, at or below which a unit is dormant."""
DELTA = 0.01
"""The share of the sum of singular values that the effective rank may leave out."""
ROWS = 1024
"""Feature vectors that ranks are taken of, at most."""
NAMES = (
    *("dormant_share", "dead_share", "dead_units", "effective_rank", "entropy_rank"),
    *("weight_norm", "gradient_norm"),
)
"""The measures; each is 0 where a network has no unit or no feature to look at."""
ACTIVATIONS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardswish, nn.Hardsigmoid, nn.PReLU),
    ConcatenatedReLU,
)
"""The modules whose outputs are units: last dimension, of feature maps the second."""


def measure_plasticity(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Record:
    """Return the measures on a batch (x, y), in evaluation mode; the model stays as it is.

    Units are the outputs of activations, all layers together; features what the last linear layer
    of a pass gets. The gradient is that of the mean loss by all trained parameters.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    with evaluating(model), torch.enable_grad(), _recording(model) as (scores, features):
        x, y = batch
        logits = at_least_single(model(x)).flatten(0, -2)
        loss = F.cross_entropy(logits, y.flatten())
        grads = torch.autograd.grad(loss, trained, allow_unused=True)
    return {
        **count_dormant(scores),
        **(rank(features[-1]) if features else {"effective_rank": 0, "entropy_rank": 0.0}),
        "weight_norm": _length(trained),
        "gradient_norm": _length([g for g in grads if g is not None]),
    }


def count_dormant(scores: Sequence[Tensor]) -> Record:
    """Return shares and number of dormant and dead units, from the mean |a| of each, by layer.

    Dormant are those at or below DORMANT times their layer's mean, dead those at 0.
    """
    units = sum(len(layer) for layer in scores)
    dormant = sum(int((layer <= DORMANT * layer.mean()).sum()) for layer in scores)
    dead = sum(int((layer == 0).sum()) for layer in scores)
    shares = {"dormant_share": dormant / max(1, units), "dead_share": dead / max(1, units)}
    return {**shares, "dead_units": dead}


def rank(features: Tensor) -> Record:
    """Return two ranks of features (n, d): how many singular values matter, and exp(entropy).

    The first is the fewest of the largest whose sum is at least 1 - DELTA of that of all.
    """
    values = torch.linalg.svdvals(features.double())
    shares = values / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    if not float(values.sum()):
        return {"effective_rank": 0, "entropy_rank": 0.0}
    within = int((shares.cumsum(0) < 1 - DELTA).sum()) + 1
    return {"effective_rank": within, "entropy_rank": float(torch.special.entr(shares).sum().exp())}


def unit_means(a: Tensor) -> Tensor:
    """Return mean |a| of each unit: of (n, ..., units), of maps (n, units, h, w)."""
    return (a.transpose(1, -1) if a.ndim == 4 else a).flatten(0, -2).abs().double().mean(0)


@contextmanager
def _recording(model: nn.Module) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """Collect the mean |a| of each activation's units, and the inputs of linear layers."""
    scores: list[Tensor] = []
    features: list[Tensor] = []

    def keep_units(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        scores.append(unit_means(output.detach()))

    def keep_features(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        features[:] = [inputs[0].detach().flatten(0, -2)[:ROWS]]

    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, ACTIVATIONS):
                stack.callback(module.register_forward_hook(keep_units).remove)
            elif isinstance(module, nn.Linear):
                stack.callback(module.register_forward_pre_hook(keep_features).remove)
        yield scores, features


def _length(tensors: Sequence[Tensor]) -> float:
    squares = sum(float(x.detach().double().square().sum()) for x in tensors)
    return math.sqrt(squares)
