"""AdamW with AMSGrad and a limit on the gradient's norm.

Source of AMSGrad: Reddi et al. 2018, On the Convergence of Adam and Beyond, arXiv 1904.09237.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from typing_extensions import override

from espalier.component import symbol
from espalier.contracts import Optimizer
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.guarded import GuardedAdam


@dataclass(frozen=True)
class AdamWAdv(Optimizer):
    """The earlier AdamWPrune code's advanced AdamW, without its own learning-rate schedule."""

    beta1: float = symbol("ADV_BETA1", 0.9)
    beta2: float = symbol("ADV_BETA2", 0.999)
    epsilon: float = symbol("ADV_EPSILON", 1e-8)
    weight_decay: float = symbol("ADV_WEIGHT_DECAY", 0.01)
    use_amsgrad: bool = symbol("ADV_USE_AMSGRAD", True)
    clip_norm: float = symbol("ADV_CLIP_NORM", 1.0)

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
