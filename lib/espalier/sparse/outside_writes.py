"""Pruned weights that somebody else has written, noticed without reading every weight.

To mask all weights after each update would cost half as much as the update. An update by a fused
kernel leaves a tensor's version as it is, while whatever else writes to it through autograd's view
raises that; and what writes to `.data` is seen in a sample of the weights. So of all writes only
those to a small part of a large weight's `.data` pass unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.sparse.mask import MaskSet

SMALL = 65536  # weights; with fewer it is faster to mask them all
SAMPLE = 64  # weights that are looked at, of each tensor


@dataclass(eq=False)
class _Mark:
    """A weight as it was left: its version and place, and a sample of it."""

    version: int
    place: int
    sample: Tensor  # (n,), a view of the weight
    dead: Tensor  # (n,): 1 where pruned, else 0

    @classmethod
    def of(cls, weight: Tensor, keep: Tensor) -> _Mark:
        stride = max(1, weight.numel() // SAMPLE)
        row = weight.detach().view(-1)[::stride]
        return cls(weight._version, weight.data_ptr(), row, 1 - keep.view(-1)[::stride])

    def is_left(self, weight: Tensor) -> bool:
        if weight._version != self.version or weight.data_ptr() != self.place:
            return False
        return float(torch.dot(self.sample, self.dead)) == 0.0


class OutsideWrites:
    """Keeps the pruned weights of `masks` at 0."""

    def __init__(self, masks: MaskSet) -> None:
        self._masks = masks
        self._marks: list[_Mark] = []

    def undo(self) -> None:
        """Zero what is pruned and is not 0; call it after each update by a fused kernel."""
        if not self._masks.pruned:
            return
        if not self._can_sample():
            self._masks.zero_weights()
            return
        pairs = zip(self._marks, self._masks.weights, strict=False)
        if not self._marks or not all(mark.is_left(weight) for mark, weight in pairs):
            self._masks.zero_weights()
            self.note()

    def note(self) -> None:
        """Take the weights as they are: masks have changed."""
        if self._can_sample() and self._masks.pruned:
            pairs = zip(self._masks.weights, self._masks.keep, strict=True)
            self._marks = [_Mark.of(weight, keep) for weight, keep in pairs]

    def _can_sample(self) -> bool:
        """Return whether a sample is cheaper: on a GPU it would have to be waited for."""
        weights = self._masks.weights
        return self._masks.size > SMALL and all(w.is_cpu and w.is_contiguous() for w in weights)
