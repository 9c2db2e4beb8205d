"""How long the learning rate rises."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass


@kconfig_dataclass
class WarmupSchedule(RunSchedule):
    """For the first epochs."""

    moments: ClassVar[tuple[str, ...]] = ("warmup_epochs",)

    warmup_epochs: int = symbol("WARMUP_COSINE_WARMUP_EPOCHS")

    @override
    def check_epochs(self, epochs: int) -> None:
        """Raise CannotTrain if nothing is left after the warm-up."""
        if self.warmup_epochs >= epochs:
            raise CannotTrain(
                "lr_schedule",
                f"CONFIG_WARMUP_COSINE_WARMUP_EPOCHS={self.warmup_epochs}: must be less than "
                f"CONFIG_NUM_EPOCHS={epochs}",
            )
