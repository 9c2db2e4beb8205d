"""Autograd backwards that are not themselves differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

Backward: TypeAlias = Callable[[Any, Tensor], tuple[Any, ...]]


def once_differentiable(backward: Backward) -> Backward:
    """Run `backward` without autocast; raise RuntimeError if its own gradient is requested.

    It would be wrong. What torch offers for this takes 5 microseconds, a tenth of a small layer.
    """

    def checked(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("a layer of synapses can be differentiated only once")
        if torch.is_autocast_enabled(grad.device.type):
            with torch.autocast(grad.device.type, enabled=False):
                return backward(ctx, grad)
        return backward(ctx, grad)

    return checked
