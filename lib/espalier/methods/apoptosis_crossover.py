"""Crossover: see `espalier.apoptosis.crossover`."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.apoptosis.crossover import CrossoverApoptosis, Mode
from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.contracts import Run


@dataclass(frozen=True)
class Crossover(ApoptosisMethod):
    """Newborns descend from two parents each."""

    pace: Pace = Pace()
    deaths: Deaths = Deaths()
    mode: Mode = "uniform"
    mutation: float = 0.1

    def manager(self, run: Run, shared: Shared) -> CrossoverApoptosis:  # noqa: D102
        return CrossoverApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            crossover_mode=self.mode,
            mutation_strength=self.mutation,
            death=self.deaths.kind,
            **shared.options,
        )
