"""Fold rules: layers of each kind that serve K trials at once; inputs and outputs are (K*b, ...).

On a CPU matrix products are batched and convolutions go trial by trial: grouped convolutions are
slower there. Where it was measured (x86-64, MKL, one thread) every rule for the CPU gives the
numbers of the single layers bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espalier.layers.folded import CannotPack, Folded, Mapped, Rule, Stacked, copied
from espalier.layers.folded_linear import Linear, MaskedProduct, chain_products
from espalier.layers.masked_linear import MaskedLinear


class Conv2d(Folded):
    """Trial by trial on a CPU, one grouped convolution elsewhere."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (K*b, inputs, h, w) to (K*b, outputs, h', w')."""
        weight, bias = self.stacks["weight"], self.stacks.get("bias")
        if x.device.type == "cpu":
            biases = [None] * self.trials if bias is None else bias
            rows = zip(self.parts(x), weight, biases, strict=True)
            return torch.cat([self._convolve(part, w, b, 1) for part, w, b in rows])
        flat = None if bias is None else bias.flatten()
        wide = self._convolve(self.to_channels(x), weight.flatten(0, 1), flat, self.trials)
        return self.to_batch(wide)

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None, trials: int) -> Tensor:
        like = self.settings
        groups = trials * like["groups"]
        return F.conv2d(x, weight, bias, like["stride"], like["padding"], like["dilation"], groups)


class BatchNorm(Folded):
    """Statistics of each trial's batch; running statistics are updated in their stacks."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (K*b, channels, ...)."""
        if self.training and "num_batches_tracked" in self.stacks:
            self.stacks["num_batches_tracked"].add_(1)
        names = ("running_mean", "running_var", "weight", "bias")
        stacks = [self.stacks.get(name) for name in names]
        if x.device.type == "cpu":
            rows = ([None if s is None else s[k] for s in stacks] for k in range(self.trials))
            parts = zip(self.parts(x), rows, strict=True)
            return torch.cat([self._normalise(part, row) for part, row in parts])
        flat = [None if stack is None else stack.flatten() for stack in stacks]
        return self.to_batch(self._normalise(self.to_channels(x), flat))

    def _normalise(self, x: Tensor, row: Sequence[Tensor | None]) -> Tensor:
        mean, variance, weight, bias = row
        like = self.settings
        fresh = self.training or mean is None
        momentum, eps = like["momentum"], like["eps"]
        return F.batch_norm(x, mean, variance, weight, bias, fresh, momentum, eps)


class LayerNorm(Folded):
    """Normalised together; each trial's scale and shift after it."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (K*b, ..., *normalized_shape)."""
        shape = self.settings["normalized_shape"]
        y = F.layer_norm(x, shape, None, None, self.settings["eps"])
        weight, bias = self.stacks.get("weight"), self.stacks.get("bias")
        y = y if weight is None else y * self._per_sample(weight, y)
        return y if bias is None else y + self._per_sample(bias, y)

    def _per_sample(self, stack: Tensor, like: Tensor) -> Tensor:
        """Expand a stack (K, *shape) to multiply with `like` (K*b, ..., *shape)."""
        between = [1] * (like.ndim - stack.ndim)
        rows = stack.view(self.trials, 1, *between, *stack.shape[1:])
        each = rows.expand(-1, len(like) // self.trials, *rows.shape[2:])
        return each.flatten(0, 1)


class Embedding(Folded):
    """One look-up in all trials' tables, put one below the other.

    torch's own mapping would ignore the special gradients of a table.
    """

    def __init__(self, layer: Any, stacked: Stacked) -> None:
        """Raise CannotPack for settings that the rule does not cover."""
        super().__init__(layer, stacked)
        if layer.max_norm is not None or layer.scale_grad_by_freq or layer.sparse:
            raise CannotPack("an embedding is sparse, limited in norm or scaled by frequency")

    def forward(self, x: Tensor) -> Tensor:
        """Map indices (K*b, ...) to (K*b, ..., size)."""
        tables = self.stacks["weight"]  # (K, entries, size)
        first = torch.arange(self.trials, device=x.device) * tables.shape[1]
        parts = x.view(self.trials, -1, *x.shape[1:]) + first.view(-1, *[1] * x.ndim)
        y = F.embedding(parts.flatten(0, 1), tables.flatten(0, 1))
        padding = self.settings["padding_idx"]
        return y if padding is None else torch.where((x == padding).unsqueeze(-1), y.detach(), y)


class Dropout(Folded):
    """Each trial draws the numbers of torch's dropout from its own generator."""

    def __init__(self, layer: Any, stacked: Stacked) -> None:
        super().__init__(layer, stacked)
        self.generators = stacked.generators

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of x (K*b, ...)."""
        p = self.settings["p"]
        if not self.training or p == 0:
            return x
        if x.device.type != "cpu" or p == 1:
            raise CannotPack("dropout on a GPU draws other numbers in a pack")
        noise = torch.empty_like(x)
        for part, generator in zip(self.parts(noise), self.generators, strict=True):
            part.bernoulli_(1 - p, generator=generator)
        return x * noise.div_(1 - p)


def _unless(kind: type[Folded], unusual: Callable[[Any], bool]) -> Rule:
    """Return a rule that leaves layers with unusual settings to torch's own mapping."""
    return lambda layer, stacked: (Mapped if unusual(layer) else kind)(layer, stacked)


def _sequential(layers: Any, stacked: Stacked) -> nn.Module:
    """Return the twin of a chain, which computes products in a row as one function.

    Its layers stay the twins of single layers: a model may call them one by one.
    """
    twin = copied(layers, stacked, RULES)
    stages = chain_products(child for child in twin._modules.values() if child is not None)
    vars(twin)["forward"] = partial(_run_in_turn, stages)
    return twin


def _run_in_turn(stages: Sequence[Callable[[Tensor], Tensor]], x: Tensor) -> Tensor:
    for stage in stages:
        x = stage(x)
    return x


RULES: dict[type, Rule] = {
    nn.Sequential: _sequential,
    nn.Linear: Linear,
    MaskedLinear: MaskedProduct,
    nn.Conv2d: _unless(Conv2d, lambda layer: layer.padding_mode != "zeros"),
    nn.BatchNorm1d: _unless(BatchNorm, lambda layer: layer.momentum is None),
    nn.BatchNorm2d: _unless(BatchNorm, lambda layer: layer.momentum is None),
    nn.LayerNorm: LayerNorm,
    nn.Embedding: Embedding,
    nn.Dropout: Dropout,
}
