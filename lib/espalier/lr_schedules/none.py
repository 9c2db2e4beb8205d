"""No schedule: the learning rate stays at its base value."""

from __future__ import annotations

from espalier.contracts import LrSchedule
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Constant(LrSchedule):
    """Factor 1 at every step."""

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """See `LrSchedule.factor`."""
        return 1.0
