"""Gradient flow: the size of the gradient in each layer, and the units without any."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from espalier.train.engine.losses import mean_losses
from espalier.train.engine.trainer import Trainer

SAMPLES = 512  # images, or characters of text
MATRIX = 2  # dimensions from which a parameter is weights


@dataclass(frozen=True)
class LayerGradient:
    """The gradient of one layer's weights.

    `rms` is over live weights, those that are not 0 or have a gradient; `silent` is the share of
    units (rows) none of whose weights has any gradient.
    """

    name: str
    rms: float
    silent: float


@dataclass(frozen=True)
class GradientFlow:
    """The gradients of all layers, that next to the input first."""

    layers: tuple[LayerGradient, ...]

    @property
    def ratio(self) -> float:
        """Return the largest root mean square over the smallest; infinite if one is 0."""
        sizes = [layer.rms for layer in self.layers]
        return max(sizes) / min(sizes) if min(sizes) > 0 else math.inf

    @property
    def weakest(self) -> LayerGradient:
        """Return the layer with the smallest gradient."""
        return min(self.layers, key=lambda layer: layer.rms)

    @property
    def most_silent(self) -> LayerGradient:
        """Return the layer with the largest share of units without gradient."""
        return max(self.layers, key=lambda layer: layer.silent)


def measure_flow(trainer: Trainer) -> GradientFlow:
    """Return the gradient of the current loss on training samples; the run stays unchanged."""
    run = trainer.run
    model = copy.deepcopy(run.model).train()
    x, y = next(run.train.pieces(max(1, SAMPLES // run.train.y[0].numel())))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loss = mean_losses(model(x), y, 1).sum()
    weights = weight_matrices(model)
    grads = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    pairs = zip(weights.items(), grads, strict=True)
    return GradientFlow(tuple(_layer(name, w.detach(), grad) for (name, w), grad in pairs))


def weight_matrices(model: nn.Module) -> dict[str, Tensor]:
    """Return the trained weights of all layers by name, without embeddings."""
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    named = model.named_parameters()
    trained = {name: p for name, p in named if p.requires_grad and p.ndim >= MATRIX}
    return {name: p for name, p in trained.items() if id(p) not in tables}


def _layer(name: str, weight: Tensor, grad: Tensor | None) -> LayerGradient:
    if grad is None:
        return LayerGradient(name, 0.0, 1.0)
    live = int(((weight != 0) | (grad != 0)).sum())
    silent = (grad.flatten(1) == 0).all(1).float().mean()
    size = math.sqrt(float(grad.double().square().sum()) / max(1, live))
    return LayerGradient(name, size, float(silent))
