"""Lion.

Source: Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv 2302.06675,
algorithm 2.
"""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.published.lion_optimizer import LionOptimizer


@kconfig_dataclass
class Lion(Optimizer):
    """As published, with decoupled weight decay on weights alone."""

    beta1: float
    beta2: float
    weight_decay: float

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        groups = decay_groups(model.parameters(), self.weight_decay)
        return LionOptimizer(groups, lr, betas=(self.beta1, self.beta2))
