"""Muon for hidden matrices, AdamW for all other parameters.

Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks
(kellerjordan.github.io/posts/muon); see `espalier.optimizers.published.muon_optimizer`.
"""

from __future__ import annotations

import torch
from torch import nn
from typing_extensions import override

from espalier.core.contracts import CannotTrain, Optimizer
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.optimizers.groups import decay_groups
from espalier.optimizers.published.hidden_matrices import hidden_matrices
from espalier.optimizers.published.muon_optimizer import MuonOptimizer, Scale


@kconfig_dataclass
class Muon(Optimizer):
    """Input and output layer, embeddings, biases and normalisation are AdamW's."""

    momentum: float
    nesterov: bool
    scale: Scale
    ends: bool
    weight_decay: float
    adam_rate: float
    beta1: float
    beta2: float
    epsilon: float

    @override
    def build(self, model: nn.Module, lr: float) -> torch.optim.Optimizer:
        """Build the optimizer. Raises CannotTrain for a model without hidden matrices."""
        hidden = hidden_matrices(model, self.ends)
        if not hidden:
            raise CannotTrain(
                "no_hidden_matrix",
                "CONFIG_OPTIMIZER=muon: the model has no matrix between its first and its last "
                "layer, which is what Muon trains: take a deeper model, or set CONFIG_MUON_ENDS=y",
            )
        ids = {id(p) for p in hidden}
        rest = [p for p in model.parameters() if id(p) not in ids]
        own = {"params": hidden, "weight_decay": self.weight_decay, "hidden": True}
        return MuonOptimizer(
            [own, *decay_groups(rest, self.weight_decay)],
            lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            scale=self.scale,
            share=self.adam_rate,
            betas=(self.beta1, self.beta2),
            eps=self.epsilon,
        )
