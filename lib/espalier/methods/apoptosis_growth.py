"""Growth only: see `espalier.apoptosis.layer_growth`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from espalier.apoptosis.layer_growth import GrowthOnlyManager
from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.contracts import Run


@dataclass(frozen=True)
class Growth(ApoptosisMethod):
    """Layers grow by a share `rate` of their first size, up to `max_capacity` times it."""

    packable: ClassVar[bool] = False

    rate: float = 0.1
    interval: int = 500
    max_capacity: float = 1.5

    def changes(self, run: Run) -> int:
        """Events at which somebody was born."""
        return len({event.step for event in run.method_state.manager.growth_events})

    def manager(self, run: Run, shared: Shared) -> GrowthOnlyManager:  # noqa: D102
        return GrowthOnlyManager(
            *(run.model, shared.layers, self.rate, self.interval, self.max_capacity),
            fitness_metric=self.plan.fitness,
            **shared.options,
        )
