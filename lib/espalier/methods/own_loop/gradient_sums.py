"""Sums of gradients as they arrive, for a method that reads those of pruned weights too.

They are taken over the backward passes of an update, before anything masks, limits or unscales.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from espalier.sparse.masked_arrivals import hook_gradient

Share: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""What is summed of a weight and its gradient."""


class Reader(Protocol):
    """One that reads the sums."""

    def reading(self) -> Share | None:
        """Return what is summed of the gradients that arrive now; None: nothing."""
        ...


class GradientSums:
    """Hooks on `weights`, for as long as this object lives. The `reader` is not kept alive."""

    def __init__(self, weights: Sequence[Tensor], reader: Reader) -> None:
        self._weights, self._reader = weights, weakref.ref(reader)
        self._sums: list[Tensor | None] = [None] * len(weights)
        handles = [
            hook_gradient(weight, partial(_add, weakref.ref(self), position))
            for position, weight in enumerate(weights)
        ]
        self.remove = weakref.finalize(self, lambda: [handle.remove() for handle in handles])

    @torch.no_grad()
    def add(self, position: int, gradient: Tensor) -> None:
        """Sum a gradient, which is about to be added to that of its weight."""
        reader = self._reader()
        share = None if reader is None else reader.reading()
        if share is None:
            return
        weight, old = self._weights[position], self._sums[position]
        new = share(weight.detach(), gradient.detach())
        if old is None or weight.grad is None:  # what came before was thrown away with its gradient
            self._sums[position] = new.clone() if new.data_ptr() == gradient.data_ptr() else new
        else:
            old.add_(new)

    def take(self) -> list[Tensor | None]:
        """Return the sums since the last call, one for each weight, None where nothing came."""
        sums, self._sums = self._sums, [None] * len(self._weights)
        return sums


def _add(sums: weakref.ref[GradientSums], position: int, gradient: Tensor) -> None:
    held = sums()
    if held is not None:
        held.add(position, gradient)
