"""Muon of K runs at once: each hidden matrix of all runs is orthogonalized in one go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from espalier.optimizers.published.orthogonalization import orthogonalize
from espalier.optimizers.stacked_adam import AdamStack

MOMENTUM = "momentum_buffer"
"""The state of a hidden matrix: the running mean of its gradients."""


def scale_of(shape: Sequence[int], scale: str) -> float:
    """Return the factor of the update of a weight of `shape` (rows, ...), as a matrix."""
    rows, columns = shape[0], math.prod(shape[1:])
    if scale == "moonlight":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1.0, rows / columns))


def orthogonal_step(operands: Tensor) -> Tensor:
    """Return operands (K, rows, ...) orthogonalized as matrices, exactly 0 where they are."""
    steps = orthogonalize(operands.flatten(2)).reshape(operands.shape)
    return steps.masked_fill_(operands == 0, 0.0)


class MuonStack(AdamStack):
    """Runs may differ in everything but which parameters are hidden; these come first."""

    READS = (*AdamStack.READS, "momentum", "nesterov", "scale", "share")

    @override
    def row(self, optimizer: Any) -> dict[str, float]:
        first = optimizer.param_groups[0]
        row = super().row(optimizer)
        for g, group in enumerate(optimizer.param_groups):
            row[f"shrink{g}"] *= 1.0 if group["hidden"] else group["share"]
        return {
            **row,
            "momentum": first["momentum"],
            "fresh": 1 - first["momentum"],
            "nesterov": first["nesterov"],
            "moonlight": first["scale"] == "moonlight",
            "share": first["share"],
        }

    @override
    def begin(self) -> None:
        marks = [group["hidden"] for group in self.optimizers[0].param_groups]
        groups = len(self.layout.groups)
        hidden, rest = (
            self.layout.part(range(sum(marks))),
            self.layout.part(range(sum(marks), groups)),
        )
        if hidden is None or rest is None:
            self.in_step = False
            return
        self.hidden = hidden
        self.begin_moments(rest)
        self.momentum = self.adopt(MOMENTUM, layout=hidden)

    @torch.no_grad()
    @override
    def update(self) -> None:
        weights, grads, cut = self.layout.weights(), self.layout.grads(), self.momentum.shape[1]
        self.decay(weights, grads)
        self._orthogonalize(weights[:, :cut], grads[:, :cut])
        self.move(weights[:, cut:], grads[:, cut:])
        self.layout.put_weights(weights)

    def _orthogonalize(self, weights: Tensor, grads: Tensor) -> None:
        """Update the hidden matrices (K, ...) in place."""
        self.momentum.lerp_(grads, self.of("fresh"))
        ahead = torch.lerp(grads, self.momentum, self.of("momentum"))
        operands = torch.where(self.of("nesterov") > 0, ahead, self.momentum)
        pairs = (self.hidden.matrices(matrix) for matrix in (weights, operands))
        for weight, operand in zip(*pairs, strict=True):
            step = orthogonal_step(operand)
            weight.addcmul_(step, self._rates(operand.shape[1:]).view(-1, *[1] * (step.ndim - 1)))

    def _rates(self, shape: Sequence[int]) -> Tensor:
        """Return minus the rate of each run's matrix of `shape`, (K, 1)."""
        moonlight, keller = (scale_of(shape, scale) for scale in ("moonlight", "keller"))
        return -self.of("lr") * (keller + (moonlight - keller) * self.of("moonlight"))

    @override
    def rate(self) -> Tensor:
        return self.of("lr", self.exact) * self.of("share", self.exact)
