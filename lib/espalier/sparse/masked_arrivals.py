"""Gradients of pruned weights are zeroed as they arrive, in a training loop of anybody's.

So whatever is done with gradients between the backward pass and the update sees none of a pruned
weight: the limit on their norm, the sum over processes, the optimizer's moments.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from espalier.sparse.mask import MaskSet


class MaskedArrivals:
    """Hooks on the weights of `masks`, for as long as this object lives.

    They come after a gradient has been added to that of its weight, and before data parallelism
    sums it over processes. Copies of weights do not inherit hooks: give a copy its own.
    """

    def __init__(self, masks: MaskSet) -> None:
        self.masks = masks
        self.arrived = False  # whether there has been a gradient, ever
        own = weakref.ref(self)
        handles: list[Any] = [
            hook_accumulated(weight, partial(_mask, own, position))
            for position, weight in enumerate(masks.weights)
        ]
        self.remove = weakref.finalize(self, lambda: [handle.remove() for handle in handles])

    def mask(self, position: int) -> None:
        """Mask the gradient of a weight."""
        self.arrived = True
        self.masks.mask_gradient(position)


def hook_gradient(weight: Tensor, hook: Callable[[Tensor], None]) -> Any:
    """Call `hook` with each gradient that comes to `weight`; return a handle that removes it."""
    return weight.register_hook(hook)  # type: ignore[no-untyped-call]


def hook_accumulated(weight: Tensor, hook: Callable[[Tensor], None]) -> Any:
    """Call `hook` with `weight` after each gradient has been added; return a handle."""
    return weight.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call]


def _mask(arrivals: weakref.ref[MaskedArrivals], position: int, weight: Tensor) -> None:
    del weight
    held = arrivals()
    if held is not None:
        held.mask(position)
