"""Sums over synapses as weighted sums of rows, those of the transposed inputs.

Neither a dense matrix nor a value a synapse and sample is ever made. See
`espalier.layers.dendrites.kernels` for the shapes. In memory everything is unit by unit, and of
several trials one below the other: what is read together lies together. By hand, because
torch's own gradient of such sums reads across that order, at ten times the cost.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from espalier.layers.dendrites import dense_kernel
from espalier.layers.dendrites.nonlinear import NONLINEARITIES, SOMA
from espalier.layers.dendrites.once_differentiable import once_differentiable

_aten: Any = torch.ops.aten
_SUM = 0  # the mode of an embedding bag


class BagSums(torch.autograd.Function):
    """x, weight, bias, index -> (K b, units)."""

    @staticmethod
    @override
    def forward(ctx: Any, x: Tensor, *synapses: Tensor) -> Tensor:
        weight, bias, index = synapses
        table = _by_unit(x, index)  # (K inputs, b)
        ctx.save_for_backward(table, weight, index)
        return _by_sample(_sums(table, weight, bias, index), index)

    @staticmethod
    @once_differentiable
    @override
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        table, weight, index = ctx.saved_tensors
        return _behind(ctx, _by_unit(grad, index), table, weight, index)


class Neurons(torch.autograd.Function):
    """x, weight, bias, index, somas' weight and bias, activation of dendrites -> (K b, N)."""

    @staticmethod
    @override
    def forward(ctx: Any, x: Tensor, *given: Any) -> Tensor:
        weight, bias, index, soma, soma_bias, activation = given
        table = _by_unit(x, index)
        each = soma.reshape(-1, soma.shape[-1], 1)  # (K N, D, 1)
        z = _sums(table, weight, bias, index)  # (K N D, b)
        h = NONLINEARITIES[activation].of(z).view(*each.shape[:2], -1)
        y = SOMA.of((h * each).sum(1).add_(soma_bias.reshape(-1, 1)))  # (K N, b)
        ctx.save_for_backward(table, weight, index, each, h, y)
        ctx.activation, ctx.shape = activation, soma.shape
        return _by_sample(y, index)

    @staticmethod
    @once_differentiable
    @override
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        table, weight, index, each, h, y = ctx.saved_tensors
        of_u = SOMA.gradient(_by_unit(grad, index), y)  # (K N, b)
        pulled = of_u.unsqueeze(1)
        of_h = NONLINEARITIES[ctx.activation].gradient(each * pulled, h)
        behind = _behind(ctx, of_h.view(-1, h.shape[2]), table, weight, index)
        of_soma = torch.bmm(pulled, h.mT).view(ctx.shape)
        return *behind, of_soma, of_u.sum(1).view(ctx.shape[:-1]), None


def _by_unit(rows: Tensor, index: Tensor) -> Tensor:
    """Return (K b, n) as (K n, b), contiguous."""
    if index.ndim == 2:
        return rows.t().contiguous()
    return rows.reshape(len(index), -1, rows.shape[1]).mT.contiguous().flatten(0, 1)


def _by_sample(rows: Tensor, index: Tensor) -> Tensor:
    """Return (K n, b) as (K b, n)."""
    if index.ndim == 2:
        return rows.t()
    return rows.view(len(index), -1, rows.shape[1]).mT.flatten(0, 1)


def _sums(table: Tensor, weight: Tensor, bias: Tensor, index: Tensor) -> Tensor:
    """Return the sums (K units, b)."""
    ends, _ = _bags(bias.numel(), index.shape[-1], table.device)
    settings = (False, _SUM, False, weight.reshape(-1), True)  # True: the last end is given
    rows = _rows(table, index)
    z: Tensor = _aten._embedding_bag_forward_only.default(table, rows, ends, *settings)[0]
    return z.add_(bias.reshape(-1, 1))


def _behind(
    ctx: Any, grad: Tensor, table: Tensor, weight: Tensor, index: Tensor
) -> tuple[Any, ...]:
    """Return the gradients of x, weight, bias and index from that of the sums (K units, b)."""
    wants_x, wants_weight, wants_bias = ctx.needs_input_grad[:3]
    grad_x = None
    if wants_x:
        inputs = len(table) // weight[..., 0, 0].numel()
        full = dense_kernel.to_dense(weight, index, inputs)
        grad_x = torch.matmul(_parts(grad, index).mT, full).reshape(-1, inputs)
    return (
        grad_x,
        _of_weight(grad, table, index) if wants_weight else None,
        _parts(grad.sum(1), index) if wants_bias else None,
        None,
    )


def _parts(rows: Tensor, index: Tensor) -> Tensor:
    """Return (K n, ...) as (K, n, ...); of one trial as it is."""
    return rows if index.ndim == 2 else rows.view(len(index), -1, *rows.shape[1:])


def _of_weight(grad: Tensor, table: Tensor, index: Tensor) -> Tensor:
    """Return the gradient of the weight: each number is a product of two rows."""
    ends, bags = _bags(len(grad), index.shape[-1], grad.device)
    entries = (grad, table, _rows(table, index), ends, bags, _SUM)
    gradient: Tensor = _aten._embedding_bag_per_sample_weights_backward.default(*entries)
    return gradient.view(index.shape)


def _rows(table: Tensor, index: Tensor) -> Tensor:
    """Return the row of the table for every synapse of every trial.

    Made anew each time: a stack of indices may be written to through a view of it.
    """
    if index.ndim == 2:
        return index.reshape(-1)
    first = torch.arange(0, len(table), len(table) // len(index), device=index.device)
    return (index + first.view(-1, 1, 1)).view(-1)


@functools.lru_cache(maxsize=64)
def _bags(bags: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return where each bag of `size` begins, with the last end, and the bag of every entry."""
    numbers = torch.arange(bags, device=device)
    ends = torch.arange(0, bags * size + 1, size, device=device)
    return ends, numbers.repeat_interleave(size)
