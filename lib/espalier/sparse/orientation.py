"""How a weight lies: which of its dimensions are the units that its rows lead into.

Selection and scaling take a layer as (units, inputs, ...), as torch's linear layers and
convolutions have it. Transposed convolutions are (inputs, units / groups, ...), and the linear
layer of GPT-2, `Conv1D`, is (inputs, units).
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Orientation(NamedTuple):
    """Whether inputs come before units, and the groups of a layer for which they do."""

    transposed: bool = False
    groups: int = 1

    def by_unit(self, tensor: Tensor) -> Tensor:
        """Return a tensor of a weight's shape as (units, inputs of a unit, ...)."""
        if not self.transposed:
            return tensor
        return self._swap(tensor)

    def as_stored(self, tensor: Tensor) -> Tensor:
        """Return a tensor (units, inputs of a unit, ...) in the weight's shape, contiguous."""
        if not self.transposed:
            return tensor
        return self._swap(tensor).contiguous()

    def _swap(self, tensor: Tensor) -> Tensor:
        """Exchange the first two dimensions within each group: its own inverse."""
        first, second, *kernel = tensor.shape
        parts = tensor.reshape(self.groups, first // self.groups, second, *kernel).transpose(1, 2)
        return parts.reshape(self.groups * second, first // self.groups, *kernel)


ROWS = Orientation()
"""Units first: linear layers, convolutions, attention and recurrent layers."""
