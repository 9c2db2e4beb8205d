"""When the learning rate is multiplied."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class StepSchedule(RunSchedule):
    """Every so many epochs."""

    moments: ClassVar[tuple[str, ...]] = ("every_epochs",)

    every_epochs: int = symbol("STEP_EVERY_EPOCHS")

    @override
    def check_epochs(self, epochs: int) -> None:
        """Raise CannotTrain if the run ends before the first drop."""
        if self.every_epochs >= epochs:
            raise CannotTrain(
                "lr_schedule",
                f"CONFIG_STEP_EVERY_EPOCHS={self.every_epochs}: must be less than "
                f"CONFIG_NUM_EPOCHS={epochs}, or the learning rate never changes",
            )
