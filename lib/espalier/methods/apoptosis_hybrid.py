"""Hybrid of growth and death: see `espalier.apoptosis.turnover`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.apoptosis.plan import Deaths
from espalier.apoptosis.turnover import HybridGrowthAndDeath
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Hybrid(ApoptosisMethod):
    """A share `turnover_rate` dies and as many are born, every `interval` steps."""

    turnover_rate: float
    interval: int
    deaths: Deaths

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> HybridGrowthAndDeath:
        return HybridGrowthAndDeath(
            *(run.model, shared.layers, self.turnover_rate, self.interval),
            fitness_metric=self.plan.fitness,
            death=self.deaths.kind,
            **shared.options,
        )
