"""Shrink and perturb: weights are made smaller, and noise is added.

Sources: Ash and Adams 2020, On Warm-Starting Neural Network Training, arXiv 1910.08475, section 5
(before new data come); Dohare et al. 2024, Loss of plasticity in deep continual learning, Nature
632, methods (at every update).
Differs: noise is normal with one deviation for all parameters, as in the text of Ash and Adams;
their code adds a share of freshly initialised weights. The optimizer's state stays. At every update
the weights shrink by a factor of their own, apart from the learning rate, so that the optimizer's
weight decay is another choice.
"""

from __future__ import annotations

from typing import Literal

import torch
from typing_extensions import override

from espalier.core.contracts import Method, Run
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class ShrinkAndPerturb(Method):
    """Set w to `factor` w + `noise` n, n standard normal, before each task or after each update."""

    when: Literal["task", "update"]
    factor: float
    noise: float

    @override
    def before_task(self, run: Run) -> None:
        if self.when == "task":
            self._act(run)

    @override
    def after_step(self, run: Run) -> None:
        if self.when == "update":
            self._act(run)

    @torch.no_grad()
    def _act(self, run: Run) -> None:
        stream = run.generators["method"]
        for p in run.model.parameters():
            if p.requires_grad:
                drawn = torch.empty_like(p, device=stream.device).normal_(generator=stream)
                p.mul_(self.factor).add_(drawn.to(p.device), alpha=self.noise)
