"""Hybrid of growth and death: see `espalier.apoptosis.turnover`."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.apoptosis.apoptosis_settings import Deaths
from espalier.apoptosis.turnover import HybridGrowthAndDeath
from espalier.contracts import Run


@dataclass(frozen=True)
class Hybrid(ApoptosisMethod):
    """A share `turnover_rate` dies and as many are born, every `interval` steps."""

    turnover_rate: float = 0.05
    interval: int = 500
    deaths: Deaths = Deaths()

    def manager(self, run: Run, shared: Shared) -> HybridGrowthAndDeath:  # noqa: D102
        return HybridGrowthAndDeath(
            *(run.model, shared.layers, self.turnover_rate, self.interval),
            fitness_metric=self.plan.fitness,
            death=self.deaths.kind,
            **shared.options,
        )
