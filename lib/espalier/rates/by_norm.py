"""Rates by what a parameter looks like: its norms, and how many of its weights are live.

Source: You et al. 2017, "Large Batch Training of Convolutional Networks", arXiv:1708.03888 (LARS).
Differs: it multiplies the update that the optimizer has made, so also what momentum kept of
gradients at other ratios, and goes with any optimizer.
"""

from __future__ import annotations

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.rates.param_view import Factor, ParamView, Strategy


def lars(weight: Tensor, gradient: Tensor, decay: float, trust: float) -> Tensor:
    """Return trust * |w| / (|g| + decay * |w|), L2 norms, (); 1 where one is 0 or not finite."""
    w, g = torch._foreach_norm([weight, gradient], dtype=torch.float64)
    usable = (w > 0) & (g > 0) & w.isfinite() & g.isfinite()
    return torch.where(usable, trust * w / (g + decay * w), 1.0)


def by_density(density: Factor, reference: float, power: float) -> Factor:
    """Return (reference / density) ** power: 1 at the reference or if the power is 0."""
    return (reference / density) ** power


@kconfig_dataclass
class Lars(Strategy):
    """Layer-wise rates: |w| over |g|, of live weights. Biases and normalisation keep theirs."""

    trust: float = symbol("RATES_LARS_TRUST")

    @override
    def factor(self, part: ParamView) -> Factor:
        if part.weight.ndim <= 1 or part.gradient is None:
            return 1.0
        gradient = part.gradient.detach().where(part.live, 0.0)  # dead weights are 0 already
        return lars(part.weight.detach(), gradient, part.decay, self.trust)


@kconfig_dataclass
class Density(Strategy):
    """The sparser a weight matrix, the faster its weights."""

    reference: float = symbol("RATES_DENSITY_REFERENCE")
    power: float = symbol("RATES_DENSITY_POWER")

    @override
    def factor(self, part: ParamView) -> Factor:
        if part.weight.ndim <= 1:
            return 1.0
        live = part.live.sum().clamp_min(1)
        return by_density(live.double() / part.weight.numel(), self.reference, self.power)
