"""When synapses are resampled: a pure function of the step."""

from __future__ import annotations

import math

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import Rest, RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.schedule import last_event


@kconfig_dataclass
class ResampleSchedule(RunSchedule):
    """Every `steps` updates, each interval `stretch` longer than the last, until `stop`.

    `stop` is a share of all updates in [0, 1]. None comes after the last update, since nothing
    could be learned from it.
    """

    steps: int = symbol("RESAMPLING_STEPS")
    stretch: int = symbol("RESAMPLING_STRETCH")
    stop: float = symbol("RESAMPLING_STOP")

    def events(self, step: int, total: int) -> int:
        """Return the number of events in the first `step` of `total` updates.

        The largest n with n steps + stretch n (n - 1) / 2 <= step, to the end of the last interval.
        """
        last = min(step, last_event(self.stop, total))
        if self.stretch == 0:
            return max(0, last) // self.steps
        b = 2 * self.steps - self.stretch
        return (math.isqrt(b * b + 8 * self.stretch * max(0, last)) - b) // (2 * self.stretch)

    def due(self, step: int, total: int) -> bool:
        """Return whether an event follows update `step` (1 is the first)."""
        return self.events(step, total) > self.events(step - 1, total)

    @override
    def check_steps(self, length: RunLength) -> None:
        total = length.total_steps
        if self.events(total, total) == 0:
            raise CannotTrain(
                "resampling_never_starts",
                f"no resampling would come before step {total}, the run's last, within the first "
                f"{self.stop:g} of it: lower CONFIG_RESAMPLING_STEPS ({self.steps}) or raise "
                "CONFIG_RESAMPLING_STOP or CONFIG_NUM_EPOCHS",
            )

    @override
    def rest(self, length: RunLength) -> Rest | None:
        total = length.total_steps
        events = self.events(total, total)
        if not events:
            return None
        last = events * self.steps + self.stretch * events * (events - 1) // 2
        return Rest(total - last, self.steps + self.stretch * (events - 1), "RESAMPLING_STOP")
