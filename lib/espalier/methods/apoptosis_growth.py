"""Growth only: see `espalier.apoptosis.growth`."""

from __future__ import annotations

from typing import ClassVar

from espalier.apoptosis.growth import GrowthOnlyManager
from espalier.apoptosis.method import ApoptosisMethod, Shared
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Growth(ApoptosisMethod):
    """Layers grow by a share `rate` of their first size, up to `max_capacity` times it."""

    packable: ClassVar[bool] = False

    rate: float
    interval: int
    max_capacity: float

    def changes(self, run: Run) -> int:
        """Events at which somebody was born."""
        return len({event.step for event in run.method_state.manager.growth_events})

    def manager(self, run: Run, shared: Shared) -> GrowthOnlyManager:  # noqa: D102
        return GrowthOnlyManager(
            *(run.model, shared.layers, self.rate, self.interval, self.max_capacity),
            fitness_metric=self.plan.fitness,
            **shared.options,
        )
