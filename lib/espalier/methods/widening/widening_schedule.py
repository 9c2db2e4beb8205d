"""When layers are widened, and how wide they are after each event: the same for every arm."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening.even_events import EvenEvents, EvenSchedule


@kconfig_dataclass
class WideningSchedule(EvenSchedule):
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

    @property
    @override
    def even(self) -> EvenEvents:
        return EvenEvents(self.events, self.stop, ("WIDENING_EVENTS", "WIDENING_STOP"))
