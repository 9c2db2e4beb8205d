"""A linear layer whose units each have the same number of inputs, and store no others."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Synapses(nn.Module):
    """y_u = sum_i weight[u, i] x[index[u, i]] + bias[u].

    `weight` (units, fan_in) and `bias` (units,) are trained; `index` (units, fan_in) int64 is a
    buffer, distinct in each row, which may be written in place at any time.
    """

    index: Tensor

    def __init__(self, inputs: int, index: Tensor, std: float | None = None) -> None:
        """`std` is the deviation of fresh weights, None for sqrt(2 / inputs)."""
        super().__init__()
        self.inputs = inputs
        self.std = math.sqrt(2 / inputs) if std is None else std
        self.weight = nn.Parameter(torch.randn(index.shape) * self.std)
        self.bias = nn.Parameter(torch.zeros(len(index)))
        self.register_buffer("index", index)

    @property
    def units(self) -> int:
        """Rows of `weight`."""
        return len(self.weight)

    @property
    def fan_in(self) -> int:
        """Synapses of a unit."""
        return self.weight.shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs) -> (n, units)."""
        dense = self.weight.new_zeros(self.units, self.inputs).scatter(1, self.index, self.weight)
        return nn.functional.linear(x, dense, self.bias)
