"""Exact zeros in place, whatever stood there: numbers, infinities or NaN.

A product with 0 leaves NaN where there was an infinity. So the bits are masked instead, which costs
a CPU no more than the product.
"""

from __future__ import annotations

import torch
from torch import Tensor

WORDS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""The whole numbers that have as many bytes as a number of some format."""


class ExactZeros:
    """Zeroes tensors of one shape where `dead` (bool, of that shape) is True.

    Memory: one value of the tensors' own format for each element, once a format has been met.
    """

    def __init__(self, dead: Tensor) -> None:
        self._dead = dead
        self._bits: dict[int, Tensor] = {}  # by the bytes of a number: 0 where dead, else -1

    @torch.no_grad()
    def apply(self, tensor: Tensor) -> None:
        """Zero a floating-point tensor in place; one of another kind is left as it is."""
        if not tensor.is_floating_point():
            return  # a quantised state, whose codes are no numbers
        size = tensor.element_size()
        if size not in self._bits:
            self._bits[size] = torch.where(self._dead, 0, -1).to(tensor.device, WORDS[size])
        tensor.detach().view(WORDS[size]).bitwise_and_(self._bits[size])
