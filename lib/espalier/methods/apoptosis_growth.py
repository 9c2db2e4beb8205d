"""Growth only: see `espalier.apoptosis.growth`."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from espalier.apoptosis.growth import GrowthOnlyManager
from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Growth(ApoptosisMethod):
    """Layers grow by a share `rate` of their first size, up to `max_capacity` times it."""

    packable: ClassVar[bool] = False

    rate: float
    interval: int
    max_capacity: float

    @override
    def changes(self, run: Run[Attended]) -> int:
        """Events at which somebody was born."""
        manager = run.method_state.manager
        assert isinstance(manager, GrowthOnlyManager)
        return len({event.step for event in manager.growth_events})

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> GrowthOnlyManager:
        return GrowthOnlyManager(
            *(run.model, shared.layers, self.rate, self.interval, self.max_capacity),
            fitness_metric=self.plan.fitness,
            **shared.options,
        )
