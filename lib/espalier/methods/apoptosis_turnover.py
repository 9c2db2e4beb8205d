"""Continuous turnover: see `espalier.apoptosis.turnover`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.apoptosis.plan import Births, Deaths
from espalier.apoptosis.turnover import ContinuousTurnoverApoptosis
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Turnover(ApoptosisMethod):
    """A share `rate` of the neurons every `interval` steps."""

    rate: float
    interval: int
    deaths: Deaths
    births: Births

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> ContinuousTurnoverApoptosis:
        return ContinuousTurnoverApoptosis(
            *(run.model, shared.layers, self.rate, self.interval, self.plan.fitness),
            mutation_strength=self.births.mutation or 0.0,
            death=self.deaths.kind,
            birth=self.births.kind,
            **shared.options,
        )
