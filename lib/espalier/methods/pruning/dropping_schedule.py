"""When DropLinear drops columns."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.schedule import count_events


@kconfig_dataclass
class DroppingSchedule(RunSchedule):
    """Every `every` updates until `stop`, a share of all updates."""

    every: int = symbol("DROPLINEAR_STEPS")
    stop: float = symbol("DROPLINEAR_STOP")

    @override
    def check_steps(self, length: RunLength) -> None:
        if count_events(self.every, self.stop, length.total_steps) == 0:
            raise CannotTrain(
                "dropping_never_starts",
                f"no drop comes within {self.stop:g} of {length.total_steps} updates and before "
                f"the last, every {self.every}: lower CONFIG_DROPLINEAR_STEPS or raise "
                "CONFIG_DROPLINEAR_STOP or CONFIG_NUM_EPOCHS",
            )
