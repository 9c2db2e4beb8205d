"""SOAP for matrices, AdamW for all other parameters.

Source: Vyas et al. 2024, SOAP: Improving and Stabilizing Shampoo using Adam, arXiv 2409.11321; see
`espalier.optimizers.published.soap_optimizer`.
"""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.contracts import Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.published.soap_optimizer import SoapOptimizer


@kconfig_dataclass
class Soap(Optimizer):
    """All matrices are rotated, those of the input and output layers too, as published."""

    beta1: float
    beta2: float
    epsilon: float
    frequency: int
    largest: int
    weight_decay: float

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        groups = decay_groups(model.parameters(), self.weight_decay)
        marked = [{**group, "rotated": group["params"][0].ndim > 1} for group in groups]
        return SoapOptimizer(
            marked,
            lr,
            frequency=self.frequency,
            largest=self.largest,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
        )
