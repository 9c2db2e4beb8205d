"""Sums over the synapses of units, computed in one of three ways, for one trial or for K at once.

    z[u, j] = sum_i weight[u, i] x[j, index[u, i]] + bias[u]

`bag` adds up rows of the transposed inputs; `scatter` makes the dense matrix for a moment and
multiplies by it; `masked` multiplies a dense weight by a dense mask, as others do: the reference
for tests. Sums are (units, samples): what follows them then runs along samples.

Of one trial x is (b, inputs), weight and index are (units, fan_in), bias (units,); of K trials x
is (K b, inputs), weight and index (K, units, fan_in), bias (K, units), sums (K units, b).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor

Backend: TypeAlias = Literal["bag", "scatter", "masked"]
_aten: Any = torch.ops.aten
_SUM = 0  # the mode of an embedding bag


class Kernel(NamedTuple):
    """Sums, of x, weight, bias and index, with x as they needed it; and the gradient of weight.

    That is of the sums' gradient, of x in that form, and of index.
    """

    sums: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
    of_weight: Callable[[Tensor, Tensor, Tensor], Tensor]


def dense(weight: Tensor, index: Tensor, inputs: int) -> Tensor:
    """`weight` (..., units, fan_in) as (..., units, inputs), with 0 where there is no synapse."""
    return weight.new_zeros(*weight.shape[:-1], inputs).scatter_(-1, index, weight)


def split(x: Tensor, stack: Tensor) -> Tensor:
    """x (K b, ...) as (K, b, ...) where `stack` is of K trials, as it is where it is of one."""
    return x if stack.ndim == 2 else x.view(len(stack), -1, *x.shape[1:])


def of_x(grad: Tensor, weight: Tensor, index: Tensor, inputs: int) -> Tensor:
    """The gradient of x, (K b, inputs), from that of the sums, (K units, b)."""
    return (split(grad, weight).mT @ dense(weight, index, inputs)).view(-1, inputs)


def _bag_sums(x: Tensor, weight: Tensor, bias: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    ends, _ = _bags(bias.numel(), index.shape[-1], x.device)
    table = _columns(x, index)
    entries = (table, _rows(index, x.shape[1]), ends)
    settings = (False, _SUM, False, weight.reshape(-1), True)  # True: the last end is given
    z: Tensor = _aten._embedding_bag_forward_only.default(*entries, *settings)[0]
    return z.add_(bias.view(-1, 1)), table


def _bag_of_weight(grad: Tensor, table: Tensor, index: Tensor) -> Tensor:
    """Each number is a product of two rows."""
    ends, bags = _bags(len(grad), index.shape[-1], grad.device)
    inputs = len(table) if index.ndim == 2 else len(table) // len(index)
    entries = (grad, table, _rows(index, inputs), ends, bags, _SUM)
    found: Tensor = _aten._embedding_bag_per_sample_weights_backward.default(*entries)
    return found.view(index.shape)


def _scatter_sums(x: Tensor, weight: Tensor, bias: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    full = dense(weight, index, x.shape[1])
    if index.ndim == 2:
        return torch.addmm(bias.unsqueeze(1), full, x.t()), x
    return torch.baddbmm(bias.unsqueeze(2), full, split(x, index).mT).flatten(0, 1), x


def _scatter_of_weight(grad: Tensor, x: Tensor, index: Tensor) -> Tensor:
    """That of the dense matrix, at the synapses."""
    if index.ndim == 2:
        return torch.mm(grad, x).gather(1, index)
    return torch.bmm(split(grad, index), split(x, index)).gather(2, index)


def _masked_sums(x: Tensor, weight: Tensor, bias: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    full = dense(weight, index, x.shape[1]) * _mask(x, index)
    return (full @ split(x, index).mT + bias.unsqueeze(-1)).view(bias.numel(), -1), x


def _masked_of_weight(grad: Tensor, x: Tensor, index: Tensor) -> Tensor:
    return (split(grad, index) @ split(x, index) * _mask(x, index)).gather(-1, index)


def _mask(x: Tensor, index: Tensor) -> Tensor:
    return dense(torch.ones_like(index, dtype=x.dtype), index, x.shape[1])


def _columns(x: Tensor, index: Tensor) -> Tensor:
    """x transposed, (K inputs, b): what is read together lies together."""
    if index.ndim == 2:
        return x.t().contiguous()
    return split(x, index).mT.contiguous().flatten(0, 1)


def _rows(index: Tensor, inputs: int) -> Tensor:
    """The row of `_columns` for every synapse of every trial.

    Made anew each time: a stack of indices may be written to through a view of it.
    """
    if index.ndim == 2:
        return index.reshape(-1)
    first = torch.arange(0, len(index) * inputs, inputs, device=index.device)
    return (index + first.view(-1, 1, 1)).view(-1)


@functools.lru_cache(maxsize=64)
def _bags(bags: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where each bag of `size` begins, and at last ends, and the bag of every entry."""
    numbers = torch.arange(bags, device=device)
    ends = torch.arange(0, bags * size + 1, size, device=device)
    return ends, numbers.repeat_interleave(size)


KERNELS: dict[Backend, Kernel] = {
    "bag": Kernel(_bag_sums, _bag_of_weight),
    "scatter": Kernel(_scatter_sums, _scatter_of_weight),
    "masked": Kernel(_masked_sums, _masked_of_weight),
}
