"""Batch normalisation over the shares of a batch that several processes have.

Source: Ioffe and Szegedy 2015, "Batch Normalization", arXiv:1502.03167, algorithm 1, with the sums
over the samples of all processes, as `torch.nn.SyncBatchNorm` takes them.
Differs: runs on a CPU as well, which torch's does not; the layers of the model stay as they are;
the variance is that of numbers from which the mean has been taken.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from typing_extensions import override

from espalier.train.norms.norm_calls import (
    Moments,
    NormCall,
    NormMode,
    count_numbers,
    sum_channels,
)


class SharedNorm(NormMode):
    """Normalises by the statistics of all processes; a share that does not count adds nothing.

    Every process has to make the same calls in the same order.
    """

    def __init__(self, counts: bool) -> None:
        """`counts` is false where a process computes a sample only so as to take part."""
        super().__init__()
        self._weight = float(counts)

    @override
    def apply(self, call: NormCall) -> Tensor:
        sums = torch.cat([count_numbers(call.x).view(1), sum_channels(call.x)])
        count, total = sum_processes(self._weight * sums).tensor_split([1])
        mean = total / count
        centred = call.centre(mean)
        squares = sum_processes(self._weight * sum_channels(centred.square()))
        return call.scale(centred, Moments(mean, squares / count, count.detach()[0]))


def sum_processes(x: Tensor) -> Tensor:
    """Return the sum of the tensors of all processes; its gradient is that of all of them."""
    total: Tensor = _ProcessSum.apply(x)
    return total


class _ProcessSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return _reduce(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return sum_processes(grads[0])


def _reduce(x: Tensor) -> Tensor:
    total = x.detach().clone().contiguous()
    dist.all_reduce(total)
    return total
