"""The learning rate is multiplied by a constant every so many epochs.

Source: He et al. 2015, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, section
3.4 (divided by 10 at each plateau).
Differs: at fixed epochs.
"""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.contracts import LrSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.lr_schedules.step_schedule import StepSchedule


@kconfig_dataclass
class Step(LrSchedule):
    """`multiplier` to the power of the whole periods of `every_epochs` that have passed."""

    every_epochs: int
    multiplier: float = symbol("STEP_FACTOR")

    @override
    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """Return the factor. Raises CannotTrain if the run ends before the first drop."""
        StepSchedule(self.every_epochs).check_epochs(epochs)
        return float(self.multiplier ** (step // (steps_per_epoch * self.every_epochs)))
