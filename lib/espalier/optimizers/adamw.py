"""AdamW.

Source: Loshchilov and Hutter 2017, Decoupled Weight Decay Regularization, arXiv 1711.05101.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from typing_extensions import override

from espalier.contracts import Optimizer
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.lean import LeanAdam


@dataclass(frozen=True)
class AdamW(Optimizer):
    """torch's AdamW, fused."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        groups = decay_groups(model.parameters(), self.weight_decay)
        betas = (self.beta1, self.beta2)
        return LeanAdam(groups, lr, betas=betas, eps=self.epsilon, decoupled_weight_decay=True)
