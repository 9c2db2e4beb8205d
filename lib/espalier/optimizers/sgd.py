"""Stochastic gradient descent with momentum."""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.lean import LeanSGD


@kconfig_dataclass
class SGD(Optimizer):
    """torch's SGD, fused."""

    momentum: float
    nesterov: bool
    weight_decay: float

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        """Build the optimizer. Raises CannotTrain for Nesterov momentum of 0."""
        if self.nesterov and self.momentum == 0:
            raise CannotTrain(
                "nesterov_without_momentum",
                "CONFIG_SGD_NESTEROV=y: momentum must be above 0; raise CONFIG_SGD_MOMENTUM (0)",
            )
        groups = decay_groups(model.parameters(), self.weight_decay)
        return LeanSGD(groups, lr, momentum=self.momentum, nesterov=self.nesterov)
