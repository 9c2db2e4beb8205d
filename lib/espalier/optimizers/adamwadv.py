"""AdamW with AMSGrad and a limit on the gradient's norm.

Source of AMSGrad: Reddi et al. 2018, On the Convergence of Adam and Beyond, arXiv 1904.09237.
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


@kconfig_dataclass
class AdamWAdv(Optimizer):
    """The earlier AdamWPrune code's advanced AdamW, without its own learning-rate schedule."""

    beta1: float = symbol("ADV_BETA1")
    beta2: float = symbol("ADV_BETA2")
    epsilon: float = symbol("ADV_EPSILON")
    weight_decay: float = symbol("ADV_WEIGHT_DECAY")
    use_amsgrad: bool = symbol("ADV_USE_AMSGRAD")
    clip_norm: float = symbol("ADV_CLIP_NORM")

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        return GuardedAdam(
            decay_groups(model.parameters(), self.weight_decay),
            lr,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
            amsgrad=self.use_amsgrad,
            decoupled_weight_decay=True,
            clip_norm=self.clip_norm,
        )
