"""Adafactor.

Source: Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, arXiv
1804.04235; see `espalier.optimizers.published.adafactor_optimizer`.
"""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.published.adafactor_optimizer import AdafactorOptimizer


@kconfig_dataclass
class Adafactor(Optimizer):
    """Its recommended form: no momentum, clipped updates, steps relative to the weights."""

    decay_power: float
    clip: float
    relative: bool
    floor: float
    weight_decay: float

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        return AdafactorOptimizer(
            decay_groups(model.parameters(), self.weight_decay),
            lr,
            decay_power=self.decay_power,
            floor=self.floor,
            limit=self.clip,
            relative=self.relative,
        )
