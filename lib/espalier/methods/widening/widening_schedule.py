"""When layers are widened, and how wide they are after each event: the same for every arm."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.errors import CannotTrain
from espalier.core.run_length import Rest, RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.sparse.schedule import last_event


@kconfig_dataclass
class WideningSchedule(RunSchedule):
    """From the share `start` of a layer's neurons to all of them, in `events` equal steps.

    Events are as far apart as they can be, the last at the end of the share `stop` of all updates.
    """

    start: float = symbol("WIDENING_FROM")
    events: int = symbol("WIDENING_EVENTS")
    stop: float = symbol("WIDENING_STOP")

    def size(self, full: int, done: int) -> int:
        """Return the neurons of a layer of `full` in the end, after `done` events; 2 at least.

        Of a single one an optimizer's state by rows and columns could not follow.
        """
        first = min(full, max(2, round(self.start * full)))
        return first + (full - first) * done // self.events

    def steps(self, total: int) -> tuple[int, ...]:
        """Return the updates, 1 being the first of `total`, that an event follows, ascending."""
        last = last_event(self.stop, total)
        return tuple(last * number // self.events for number in range(1, self.events + 1))

    @override
    def rest(self, length: RunLength) -> Rest | None:
        """Take the last event, and events as far apart as they are.

        A single event has no interval: half of the way to it stands for one.
        """
        last = last_event(self.stop, length.total_steps)
        return Rest(length.total_steps - last, last // max(2, self.events), "WIDENING_STOP")

    @override
    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain unless each event has an update of its own."""
        last = last_event(self.stop, length.total_steps)
        if self.events > last:
            raise CannotTrain(
                "growth_never_starts",
                f"there are to be {self.events} events, but growth ends at {last} of "
                f"{length.total_steps} steps: lower CONFIG_WIDENING_EVENTS, or raise "
                "CONFIG_WIDENING_STOP or CONFIG_NUM_EPOCHS",
            )
