"""Growth only: see `espalier.methods.apoptosis.strategies.growth_only`."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from espalier.core.contracts import Run
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Pace
from espalier.methods.apoptosis.measurement.metered_method import MeteredManager
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy


@kconfig_dataclass
class GrowthOnly(ApoptosisMethod):
    """Layers grow by a share `rate` of their first size, up to `max_capacity` times it."""

    packable: ClassVar[bool] = False

    rate: float
    interval: int
    max_capacity: float

    @property
    @override
    def pace(self) -> Pace:
        return Pace(self.rate, self.interval)

    @override
    def changes(self, run: Run[MeteredManager[ApoptosisManager]]) -> int:
        return len({event.step for event in run.method_state.manager.growth_events})

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.growth_only(self.max_capacity)
