"""When layers come that begin as the identity."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.widening.even_events import EvenEvents, EvenSchedule


@kconfig_dataclass
class DeepeningSchedule(EvenSchedule):
    """So many `layers` come, one at each event.

    Events are as far apart as they can be, the last at the end of the share `stop` of all updates.
    """

    layers: int = symbol("NET2DEEPER_LAYERS")
    stop: float = symbol("NET2DEEPER_STOP")

    @property
    @override
    def even(self) -> EvenEvents:
        return EvenEvents(self.layers, self.stop, ("NET2DEEPER_LAYERS", "NET2DEEPER_STOP"))
