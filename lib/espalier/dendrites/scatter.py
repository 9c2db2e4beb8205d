"""Sums over synapses by the dense matrix, made for a moment: many operations, but the fastest.

By hand, because what autograd keeps of each of these small operations costs more than they do.
See `espalier.dendrites.kernels` for the shapes. In memory everything is sample by sample.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from espalier.dendrites.nonlinear import NONLINEARITIES, SOMA
from espalier.dendrites.once import once


def dense(weight: Tensor, index: Tensor, inputs: int) -> Tensor:
    """`weight` (..., units, fan_in) as (..., units, inputs), with 0 where there is no synapse."""
    return weight.new_zeros(*weight.shape[:-1], inputs).scatter_(-1, index, weight)


def of_x(grad: Tensor, weight: Tensor, index: Tensor, inputs: int) -> Tensor:
    """The gradient of x, (K b, inputs), from that of the sums, (K, b, units)."""
    return torch.matmul(grad, dense(weight, index, inputs)).reshape(-1, inputs)


class Sums(torch.autograd.Function):
    """x, weight, bias, index -> (K b, units)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *synapses: Tensor) -> Tensor:  # noqa: D102
        weight, _, index = synapses
        ctx.save_for_backward(x, weight, index)
        return _sums(x, *synapses).view(len(x), -1)

    @staticmethod
    @once
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:  # noqa: D102
        x, weight, index = ctx.saved_tensors
        return _behind(ctx, _parts(grad, index), x, weight, index)


class Neurons(torch.autograd.Function):
    """x, weight, bias, index, somas' weight and bias, activation of dendrites -> (K b, N)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *given: Any) -> Tensor:  # noqa: D102
        weight, bias, index, soma, soma_bias, activation = given
        each, shift = (soma, soma_bias) if soma.ndim == 2 else (soma[:, None], soma_bias[:, None])
        z = _sums(x, weight, bias, index)
        h = NONLINEARITIES[activation].of(z).view(*z.shape[:-1], *soma.shape[-2:])
        y = SOMA.of((h * each).sum(-1).add_(shift))  # (K, b, N)
        ctx.save_for_backward(x, weight, index, each, h, y)
        ctx.activation = activation
        return y if y.ndim == 2 else y.flatten(0, 1)

    @staticmethod
    @once
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:  # noqa: D102
        x, weight, index, each, h, y = ctx.saved_tensors
        of_u = SOMA.gradient(_parts(grad, index), y)  # (K, b, N)
        pulled = of_u.unsqueeze(-1)
        of_h = (each * pulled).view(h.shape)
        of_z = NONLINEARITIES[ctx.activation].gradient(of_h, h).view(*y.shape[:-1], -1)
        behind = _behind(ctx, of_z, x, weight, index)
        return *behind, (h * pulled).sum(-3), of_u.sum(-2), None


def _parts(rows: Tensor, index: Tensor) -> Tensor:
    """(K b, ...) as (K, b, ...); of one trial as it is."""
    return rows if index.ndim == 2 else rows.reshape(len(index), -1, *rows.shape[1:])


def _sums(x: Tensor, weight: Tensor, bias: Tensor, index: Tensor) -> Tensor:
    """(K, b, units)."""
    full = dense(weight, index, x.shape[1])
    if index.ndim == 2:
        return F.linear(x, full, bias)
    return torch.baddbmm(bias.unsqueeze(1), _parts(x, index), full.mT)


def _behind(ctx: Any, grad: Tensor, x: Tensor, weight: Tensor, index: Tensor) -> tuple[Any, ...]:
    """The gradients of x, weight, bias and index, from that of the sums (K, b, units)."""
    wants_x, wants_weight, wants_bias = ctx.needs_input_grad[:3]
    of_weight = torch.matmul(grad.mT, _parts(x, index)).gather(-1, index) if wants_weight else None
    return (
        of_x(grad, weight, index, x.shape[1]) if wants_x else None,
        of_weight,
        grad.sum(-2) if wants_bias else None,
        None,
    )
