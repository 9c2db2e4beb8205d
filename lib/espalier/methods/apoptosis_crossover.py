"""Crossover: see `espalier.apoptosis.crossover`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis.crossover import CrossoverApoptosis, Mode
from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.apoptosis.plan import Deaths, Pace
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Crossover(ApoptosisMethod):
    """Newborns descend from two parents each."""

    pace: Pace
    deaths: Deaths
    mode: Mode
    mutation: float

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> CrossoverApoptosis:
        return CrossoverApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            crossover_mode=self.mode,
            mutation_strength=self.mutation,
            death=self.deaths.kind,
            **shared.options,
        )
