"""One multiplier of many: their product, within bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.component import symbol
from espalier.rates.part import Factor, Part, Strategy


@dataclass(frozen=True)
class Bounds:
    """The least and the largest multiplier; 0, of what is frozen, stays 0."""

    least: float = symbol("RATES_LEAST", 0.001)
    most: float = symbol("RATES_MOST", 10.0)

    def limit(self, factor: Factor) -> Factor:
        """`factor` within the bounds."""
        if not isinstance(factor, Tensor):
            return min(max(factor, self.least), self.most) if factor else 0.0
        return factor.clamp(self.least, self.most).where(factor != 0, 0.0)


def composed(strategies: Sequence[Strategy], part: Part, bounds: Bounds) -> Factor:
    """The product of what the strategies say of a part, whatever their order."""
    factors = [strategy.factor(part) for strategy in strategies]
    number = math.prod(f for f in factors if not isinstance(f, Tensor))
    tensors = [f for f in factors if isinstance(f, Tensor)]
    total: Factor = number
    for tensor in tensors:
        total = tensor * total
    return bounds.limit(total)


def mixed(before: Tensor, after: Tensor, factor: Factor) -> Tensor:
    """`before` and `factor` times the way from there to `after`: exact at 0 and at 1."""
    if isinstance(factor, Tensor):
        return torch.lerp(before, after, factor.to(before.dtype).expand_as(before))
    return torch.lerp(before, after, factor)
