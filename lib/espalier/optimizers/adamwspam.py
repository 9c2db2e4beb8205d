"""AdamW with AMSGrad, a limit on the gradient's norm and guards against spikes.

Source: Huang et al. 2025, arXiv 2501.06842; see `espalier.optimizers.guards.spam`.
"""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.guards.guarded import GuardedAdam
from espalier.optimizers.guards.spam import Spam


@kconfig_dataclass
class AdamWSpam(Optimizer):
    """Differs from the paper: decoupled weight decay, AMSGrad and the norm limit."""

    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    amsgrad: bool
    clip_norm: float = symbol("ADV_CLIP_NORM")
    spam: Spam

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        return GuardedAdam(
            decay_groups(model.parameters(), self.weight_decay),
            lr,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
            amsgrad=self.amsgrad,
            decoupled_weight_decay=True,
            clip_norm=self.clip_norm,
            spam=self.spam,
        )
