"""Adam. Source: Kingma and Ba 2014, Adam: A Method for Stochastic Optimization, arXiv 1412.6980."""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.lean import LeanAdam


@kconfig_dataclass
class Adam(Optimizer):
    """torch's Adam, fused; weight decay goes through the gradient."""

    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        groups = decay_groups(model.parameters(), self.weight_decay)
        return LeanAdam(groups, lr, betas=(self.beta1, self.beta2), eps=self.epsilon)
