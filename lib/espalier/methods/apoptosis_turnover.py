"""Continuous turnover: see `espalier.apoptosis.turnover`."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.apoptosis.apoptosis_settings import Births, Deaths
from espalier.apoptosis.turnover import ContinuousTurnoverApoptosis
from espalier.contracts import Run


@dataclass(frozen=True)
class Turnover(ApoptosisMethod):
    """A share `rate` of the neurons every `interval` steps."""

    rate: float = 0.02
    interval: int = 100
    deaths: Deaths = Deaths()
    births: Births = Births()

    def manager(self, run: Run, shared: Shared) -> ContinuousTurnoverApoptosis:  # noqa: D102
        return ContinuousTurnoverApoptosis(
            *(run.model, shared.layers, self.rate, self.interval, self.plan.fitness),
            mutation_strength=self.births.mutation or 0.0,
            death=self.deaths.kind,
            birth=self.births.kind,
            **shared.options,
        )
