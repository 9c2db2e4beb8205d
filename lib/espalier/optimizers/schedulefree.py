"""Schedule-free AdamW.

Source: Defazio et al. 2024, The Road Less Scheduled, arXiv 2405.15682, algorithm 1; see
`espalier.optimizers.published.schedulefree_optimizer`.
"""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.published.schedulefree_optimizer import ScheduleFreeOptimizer


@kconfig_dataclass
class ScheduleFree(Optimizer):
    """What is evaluated, saved and kept at the end of an epoch is the average."""

    beta1: float
    beta2: float
    epsilon: float
    warmup: int
    weight_decay: float

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        return ScheduleFreeOptimizer(
            decay_groups(model.parameters(), self.weight_decay),
            lr,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
            warmup=self.warmup,
        )
