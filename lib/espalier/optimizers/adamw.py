"""AdamW.

Source: Loshchilov and Hutter 2017, Decoupled Weight Decay Regularization, arXiv 1711.05101.
"""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.lean import LeanAdam


@kconfig_dataclass
class AdamW(Optimizer):
    """torch's AdamW, fused."""

    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        groups = decay_groups(model.parameters(), self.weight_decay)
        betas = (self.beta1, self.beta2)
        return LeanAdam(groups, lr, betas=betas, eps=self.epsilon, decoupled_weight_decay=True)
