"""No schedule: the learning rate stays at its base value."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.contracts import LrSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class Constant(LrSchedule):
    """Factor 1 at every step."""

    @override
    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return 1.0
