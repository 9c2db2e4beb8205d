"""A linear rise to the base learning rate, then cosine annealing to a floor, at every step.

Source: Goyal et al. 2017, "Accurate, Large Minibatch SGD", arXiv:1706.02677, section 2.2 (the
rise); Loshchilov and Hutter 2016, arXiv:1608.03983, equation 5 (the annealing).
"""

from __future__ import annotations

from typing_extensions import override

from espalier.core.contracts import LrSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.lr_schedules.annealing import anneal
from espalier.lr_schedules.warmup_cosine_schedule import WarmupSchedule


@kconfig_dataclass
class WarmupCosine(LrSchedule):
    """With W warm-up steps: 1/W at the first step, 1 at step W - 1 and W, then falling."""

    warmup_epochs: int
    min_factor: float

    @override
    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the factor. Raises CannotTrain if nothing is left after the warm-up."""
        WarmupSchedule(self.warmup_epochs).check_epochs(epochs)
        warmup = self.warmup_epochs * steps_per_epoch
        if step < warmup:
            return (step + 1) / warmup
        return anneal((step - warmup) / (steps_per_epoch * epochs - warmup), self.min_factor)
