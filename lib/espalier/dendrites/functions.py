"""Layers of synapses and of neurons as single functions of autograd.

Of so few numbers, what autograd keeps of every operation costs more than the operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from espalier.dendrites.kernels import KERNELS, Backend, of_x, split
from espalier.dendrites.nonlinear import NONLINEARITIES, SOMA, Activation

Function: TypeAlias = type[torch.autograd.Function]


def exact(function: Function, how: Any, x: Tensor, *tensors: Tensor) -> Tensor:
    """`function` of all these, in the number format of `tensors`, under autocast too."""
    x = x if x.dtype == tensors[0].dtype else x.to(tensors[0].dtype)
    y: Tensor = _uncast(x, function.apply, how, x, *tensors)
    return y


def _uncast(x: Tensor, work: Callable[..., Any], *args: Any) -> Any:
    """`work(*args)` without autocast, which is the device's of x."""
    if not torch.is_autocast_enabled(x.device.type):
        return work(*args)
    with torch.autocast(x.device.type, enabled=False):
        return work(*args)


class Sums(torch.autograd.Function):
    """Backend, x, weight, bias, index -> (K units, b): see `espalier.dendrites.kernels`."""

    @staticmethod
    def forward(ctx: Any, backend: Backend, *tensors: Tensor) -> Tensor:  # noqa: D102
        x, weight, bias, index = tensors
        ctx.backend, ctx.inputs = backend, x.shape[1]
        z, kept = KERNELS[backend].sums(x, weight, bias, index)
        ctx.save_for_backward(kept, weight, index)
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # noqa: D102
        _only_once()
        return _uncast(grad, _behind, ctx, grad.contiguous(), ctx.saved_tensors)


class Neurons(torch.autograd.Function):
    """Sums, the dendrites' activation, sums over dendrites, and the somas' -> (K N, b).

    Of how, backend and activation, and x, weight, bias, index, the somas' weights (K N, D) and
    their biases (K N,). Row n D + d of the sums is dendrite d of neuron
    n.
    """

    @staticmethod
    def forward(ctx: Any, how: tuple[Backend, Activation], *tensors: Tensor) -> Tensor:  # noqa: D102
        x, weight, bias, index, soma, soma_bias = tensors
        (ctx.backend, ctx.activation), ctx.inputs = how, x.shape[1]
        z, kept = KERNELS[how[0]].sums(x, weight, bias, index)
        h = NONLINEARITIES[how[1]].of(z).view(*soma.shape, -1)  # (K N, D, b)
        y = SOMA.of((h * soma.unsqueeze(2)).sum(1).add_(soma_bias.unsqueeze(1)))
        ctx.save_for_backward(kept, weight, index, soma, h, y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:  # noqa: D102
        _only_once()
        return _uncast(grad, Neurons._backward, ctx, grad)

    @staticmethod
    def _backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        kept, weight, index, soma, h, y = ctx.saved_tensors
        grad = SOMA.gradient(grad, y).unsqueeze(1)  # (K N, 1, b)
        through = NONLINEARITIES[ctx.activation].gradient(soma.unsqueeze(2) * grad, h)
        of_soma = torch.bmm(grad, h.mT).squeeze(1)
        behind = _behind(ctx, through.reshape(-1, h.shape[2]), (kept, weight, index))
        return *behind, of_soma, grad.sum(2).squeeze(1)


def _behind(ctx: Any, grad: Tensor, saved: tuple[Tensor, Tensor, Tensor]) -> tuple[Any, ...]:
    """The gradients of backend, x, weight, bias and index, from that of the sums."""
    kept, weight, index = saved
    return (
        None,
        of_x(grad, weight, index, ctx.inputs) if ctx.needs_input_grad[1] else None,
        KERNELS[ctx.backend].of_weight(grad, kept, index) if ctx.needs_input_grad[2] else None,
        split(grad, weight).sum(-1) if ctx.needs_input_grad[3] else None,
        None,
    )


def _only_once() -> None:
    """Gradients are of what was kept, not of what that came from: they have no derivative.

    What torch offers for this takes 5 microseconds.
    """
    if torch.is_grad_enabled():
        raise RuntimeError("a layer of synapses can be differentiated only once")
