"""Sums over synapses by the dense matrix, made for a moment: many operations, but the fastest.

See `espalier.layers.dendrites.kernels` for the shapes. Gradients are torch's own: a
backward pass by hand was measured to be no faster.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def to_dense(weight: Tensor, index: Tensor, inputs: int) -> Tensor:
    """Return `weight` (..., units, fan_in) as (..., units, inputs), 0 where there is no synapse."""
    return weight.new_zeros(*weight.shape[:-1], inputs).scatter_(-1, index, weight)


def sums(x: Tensor, weight: Tensor, bias: Tensor, index: Tensor) -> Tensor:
    """Return the sums (K b, units)."""
    full = to_dense(weight, index, x.shape[1])
    if index.ndim == 2:
        return F.linear(x, full, bias)
    rows = x.reshape(len(index), -1, x.shape[1])
    return torch.baddbmm(bias.unsqueeze(1), rows, full.mT).flatten(0, 1)
