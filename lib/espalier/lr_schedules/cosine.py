"""Cosine annealing to a floor, updated at every step, without restarts.

Source: Loshchilov and Hutter 2016, "SGDR: Stochastic Gradient Descent with Warm Restarts",
arXiv:1608.03983, equation 5.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.core.contracts import LrSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.lr_schedules.annealing import anneal


@kconfig_dataclass
class Cosine(LrSchedule):
    """1 at the first step; the last step is one step short of `min_factor`."""

    min_factor: float

    @override
    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return anneal(step / (steps_per_epoch * epochs), self.min_factor)
