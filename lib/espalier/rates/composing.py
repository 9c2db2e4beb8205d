"""One multiplier of many: their product, within bounds."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable

import torch
from torch import Tensor

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.rates.param_view import Factor, ParamView, Strategy


@kconfig_dataclass
class MultiplierBounds:
    """The least and the largest multiplier; 0, of what is frozen, stays 0."""

    lowest: float = symbol("RATES_LEAST")
    highest: float = symbol("RATES_MOST")

    def limit(self, factor: Factor) -> Factor:
        """Return `factor` clamped to the bounds."""
        if not isinstance(factor, Tensor):
            return min(max(factor, self.lowest), self.highest) if factor else 0.0
        return factor.clamp(self.lowest, self.highest).where(factor != 0, 0.0)


def product(strategies: Iterable[Strategy], part: ParamView) -> Factor:
    """Return the product of the strategies' factors for a parameter; 1 of none."""
    first: Factor = 1.0
    return functools.reduce(operator.mul, (strategy.factor(part) for strategy in strategies), first)


def move(parameters: list[Tensor], before: list[Tensor], factors: list[Factor]) -> None:
    """Move each parameter by `factors` of its way from `before` (lost): exact at 0 and at 1."""
    shares = [
        factor.to(old.dtype).expand_as(old)
        if isinstance(factor, Tensor)
        else old.new_full((), factor).expand_as(old)
        for factor, old in zip(factors, before, strict=True)
    ]
    torch._foreach_lerp_(before, parameters, shares)
    torch._foreach_copy_(parameters, before)
