"""Gradients caught as they arrive: summed for a method that reads them, then masked in place.

So whatever the user does with gradients between the backward pass and the update sees none of a
pruned weight: the norm that is limited, loss scaling, the sum over processes, the moments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor

Sum: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""What is summed of a weight and its gradient."""


class ArrivingGradients:
    """Hooks on `weights`, until `remove`.

    `reading` returns what is summed now, None while nothing is. `mask` zeroes the gradient, that
    the weight at a position has by now, where it is pruned.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        reading: Callable[[], Sum | None],
        mask: Callable[[int, Tensor], None],
    ) -> None:
        self.arrived = False  # whether there has been a gradient, ever
        self._weights, self._reading, self._mask = weights, reading, mask
        self._sums: list[Tensor | None] = [None] * len(weights)
        self._handles: list[Any] = []
        for position, weight in enumerate(weights):
            self._handles.append(weight.register_hook(partial(self._before, position)))
            after = partial(self._after, position)
            self._handles.append(weight.register_post_accumulate_grad_hook(after))

    def _before(self, position: int, gradient: Tensor) -> None:
        """Sum a gradient, which is about to be added to that of the weight."""
        share = self._reading()
        if share is None:
            return
        weight = self._weights[position]
        with torch.no_grad():
            new, old = share(weight.detach(), gradient.detach()), self._sums[position]
            # without a gradient yet this is the first pass of an update: what came before was
            # thrown away, and so is not a part of it
            first = old is None or weight.grad is None
            self._sums[position] = _own(new, gradient) if first else old.add_(new)

    def _after(self, position: int, weight: Tensor) -> None:
        """Mask the gradient of a weight."""
        self.arrived = True
        if weight.grad is not None:
            self._mask(position, weight.grad)

    def take(self) -> list[Tensor | None]:
        """Return the sums since the last call, one for each weight, None where nothing came."""
        sums, self._sums = self._sums, [None] * len(self._weights)
        return sums

    def remove(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()


def _own(new: Tensor, gradient: Tensor) -> Tensor:
    """Return a tensor that nobody else writes."""
    return new.clone() if new.data_ptr() == gradient.data_ptr() else new
