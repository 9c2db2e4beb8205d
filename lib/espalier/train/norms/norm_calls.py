"""Calls of batch normalisation, taken over while a mode is on.

Every layer of batch normalisation ends in `torch.nn.functional.batch_norm`, which sees the samples
that it is given and no others. A mode puts other statistics in their place and leaves the model,
its layers and the names of its tensors as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from typing_extensions import override

NORMS = nn.modules.batchnorm._BatchNorm


class Moments(NamedTuple):
    """Mean and biased variance of each channel, (C,), over so many `numbers`, ()."""

    mean: Tensor
    variance: Tensor
    numbers: Tensor


@dataclass(frozen=True)
class NormCall:
    """The arguments of `torch.nn.functional.batch_norm`, by its names."""

    input: Tensor
    running_mean: Tensor | None
    running_var: Tensor | None
    weight: Tensor | None = None
    bias: Tensor | None = None
    training: bool = False
    momentum: float = 0.1
    eps: float = 1e-5

    @property
    def x(self) -> Tensor:
        """The input (n, C, ...), in float32 at least."""
        return self.input.float() if self.input.element_size() < 4 else self.input

    def centre(self, mean: Tensor) -> Tensor:
        """Return the input less the mean (C,) of its channels."""
        return centre(self.x, mean)

    def scale(self, centred: Tensor, moments: Moments) -> Tensor:
        """Return the output for a centred input, and let the statistics into the running ones.

        Whoever needs the centred input too should use the same, which autograd keeps.
        """
        self._track(moments)
        scale = torch.rsqrt(moments.variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        y = centred * by_channel(scale, centred)
        if self.bias is not None:
            y = y + by_channel(self.bias, centred)
        return y.to(self.input.dtype)

    def normalise(self, moments: Moments) -> Tensor:
        """Return the output for given statistics, and let them into the running ones."""
        return self.scale(self.centre(moments.mean), moments)

    @torch.no_grad()
    def _track(self, moments: Moments) -> None:
        unbiased = moments.variance * (moments.numbers / (moments.numbers - 1))
        for running, new in ((self.running_mean, moments.mean), (self.running_var, unbiased)):
            if running is not None:
                running.lerp_(new.to(running.dtype), self.momentum)


class NormMode(TorchFunctionMode, ABC):
    """While this is on, batch normalisation in training is what `apply` returns."""

    @override
    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.batch_norm:
            call = NormCall(*args, **(kwargs or {}))
            if call.training:
                return self.apply(call)
        return func(*args, **(kwargs or {}))

    @abstractmethod
    def apply(self, call: NormCall) -> Tensor:
        """Return the output of a call, in the shape and number format of its input."""


def batch_norms(model: nn.Module) -> list[nn.Module]:
    """Return the layers of `model` that normalise by the statistics of a batch."""
    return [module for module in model.modules() if isinstance(module, NORMS)]


def why_not_whole(model: nn.Module, compiled: bool) -> str:
    """Return why parts of a batch cannot be normalised as all of it, with the fix; "" if they can.

    Source: `torch.nn.SyncBatchNorm` sums over processes by itself, and on GPUs only.
    """
    norms = batch_norms(model)
    if any(isinstance(norm, nn.SyncBatchNorm) for norm in norms):
        return (
            "nn.BatchNorm1d, 2d and 3d take the whole batch by themselves; use them in place of "
            "nn.SyncBatchNorm"
        )
    if norms and compiled:
        return "batch normalisation of the whole batch is not compiled; set CONFIG_COMPILE=n"
    return ""


def by_channel(values: Tensor, x: Tensor) -> Tensor:
    """Return `values` (C,) in a shape that acts on the channels of x (n, C, ...)."""
    return values.view(1, -1, *[1] * (x.dim() - 2))


def centre(x: Tensor, mean: Tensor) -> Tensor:
    """Return x (n, C, ...) less the mean (C,) of its channels."""
    return x - by_channel(mean, x)


def sum_channels(x: Tensor) -> Tensor:
    """Return the sum over all but the channels of x (n, C, ...), (C,)."""
    return x.transpose(0, 1).flatten(1).sum(1)


def count_numbers(x: Tensor) -> Tensor:
    """Return how many numbers a channel of x (n, C, ...) has, as a tensor () of its type."""
    return x.new_full((), x.numel() // x.shape[1])
