"""When layers come that begin as the identity."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.core.run_length import Rest, RunLength, RunSchedule
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening.even_events import EvenEvents


@kconfig_dataclass
class DeepeningSchedule(RunSchedule):
    """So many `layers` come, one at each event.

    Events are as far apart as they can be, the last at the end of the share `stop` of all updates.
    """

    layers: int = symbol("NET2DEEPER_LAYERS")
    stop: float = symbol("NET2DEEPER_STOP")

    def steps(self, total: int) -> tuple[int, ...]:
        """Return the updates, 1 being the first of `total`, that an event follows, ascending."""
        return self._even.steps(total)

    @property
    def _even(self) -> EvenEvents:
        return EvenEvents(self.layers, self.stop, ("NET2DEEPER_LAYERS", "NET2DEEPER_STOP"))

    @override
    def rest(self, length: RunLength) -> Rest | None:
        """Take the last event, and events as far apart as they are."""
        return self._even.rest(length)

    @override
    def check_steps(self, length: RunLength) -> None:
        """Raise CannotTrain unless each layer has an update of its own."""
        self._even.check(length)
