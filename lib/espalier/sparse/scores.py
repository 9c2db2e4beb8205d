"""Scores of all prunable weights, evaluated in pieces that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PIECE = 65536  # elements; six float32 tensors of as many then fit a 2 MiB cache


@dataclass(frozen=True)
class Scores:
    """An elementwise formula of float32 and, for each weight, its operands, all of one shape.

    The formula takes the operands and a tensor to write the scores into.

    The higher the score, the longer the weight is kept.
    """

    formula: Callable[..., Tensor]
    operands: Sequence[tuple[Tensor, ...]]

    def fill(self, out: Tensor) -> None:
        """Write the scores of all weights in a row into `out` (n,) float32."""
        start = 0
        for operands in self.operands:
            size = operands[0].numel()
            self._fill_layer([x.detach().reshape(-1) for x in operands], out[start : start + size])
            start += size

    def _fill_layer(self, operands: list[Tensor], out: Tensor) -> None:
        piece = PIECE if out.device.type == "cpu" else max(1, len(out))
        parts = [torch.split(x, piece) for x in (*operands, out)]
        for *inputs, target in zip(*parts, strict=True):
            self.formula(*(x.float() for x in inputs), target)
