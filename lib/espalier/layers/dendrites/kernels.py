"""Sums over the synapses of units: the two ways they are computed in, and a third to check them.

    z[j, u] = sum_i weight[u, i] x[j, index[u, i]] + bias[u]

`bag` adds up rows of the transposed inputs; `scatter` makes the dense matrix for a moment and
multiplies by it; `masked` multiplies a dense weight by a dense mask, as others do.

Of one trial x is (b, inputs), weight and index are (units, fan_in), bias (units,), and somas'
weights and biases (N, D) and (N,); of K trials x is (K b, inputs), and all others begin with K.
Results are (K b, ...).
"""

from __future__ import annotations

import functools
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from espalier.layers.dendrites import dense_kernel, embedding_bag_kernel
from espalier.layers.dendrites.nonlinear import NONLINEARITIES, SOMA, Activation

Backend: TypeAlias = Literal["bag", "scatter", "masked"]


def sums(backend: Backend, x: Tensor, *synapses: Tensor) -> Tensor:
    """Return (K b, units) from x, weight, bias and index. Autocast changes nothing."""
    return _uncast(_SUMS[backend], x, *synapses)


def neurons(backend: Backend, activation: Activation, x: Tensor, *tensors: Tensor) -> Tensor:
    """Return (K b, N) from x, weight, bias, index, and the somas' weight and bias.

    Row n D + d of weight is dendrite d of neuron n. Autocast changes nothing.
    """
    return _uncast(_NEURONS[backend], x, *tensors, activation)


def _by_parts(work: Any, x: Tensor, *given: Any) -> Tensor:
    weight, bias, index, soma, soma_bias, activation = given
    return somas(activation, work(x, weight, bias, index), soma, soma_bias)


def somas(activation: Activation, z: Tensor, soma: Tensor, soma_bias: Tensor) -> Tensor:
    """Return (K b, N) from the sums of dendrites (K b, N D), in plain torch.

    One trial has lines of its own: views that it does not need take a tenth of a small layer.
    """
    h = NONLINEARITIES[activation].of(z)
    if soma.ndim == 2:
        return SOMA.of((h.view(-1, *soma.shape) * soma).sum(-1) + soma_bias)
    h = h.reshape(len(soma), -1, *soma.shape[-2:])  # (K, b, N, D)
    u = (h * soma.unsqueeze(-3)).sum(-1) + soma_bias.unsqueeze(-2)
    return SOMA.of(u).reshape(len(z), -1)


def _masked(x: Tensor, weight: Tensor, bias: Tensor, index: Tensor) -> Tensor:
    mask = dense_kernel.to_dense(torch.ones_like(weight), index, x.shape[1])
    full = mask.scatter(-1, index, weight) * mask
    rows = x if index.ndim == 2 else x.view(len(index), -1, x.shape[1])
    return (rows @ full.mT + bias.unsqueeze(-2)).reshape(len(x), -1)


_SUMS: dict[Backend, Any] = {
    "bag": embedding_bag_kernel.BagSums.apply,
    "scatter": dense_kernel.sums,
    "masked": _masked,
}
_NEURONS: dict[Backend, Any] = {
    "bag": embedding_bag_kernel.Neurons.apply,
    "scatter": functools.partial(_by_parts, dense_kernel.sums),
    "masked": functools.partial(_by_parts, _masked),
}


def _uncast(work: Any, x: Tensor, weight: Tensor, *others: Any) -> Tensor:
    """Call `work` in the number format of `weight` and without autocast."""
    if x.dtype != weight.dtype:
        if x.is_complex():
            raise TypeError(f"inputs must be real numbers, not {x.dtype}")
        x = x.to(weight.dtype)
    if not torch.is_autocast_enabled(x.device.type):
        y: Tensor = work(x, weight, *others)
        return y
    with torch.autocast(x.device.type, enabled=False):
        return _uncast(work, x, weight, *others)
