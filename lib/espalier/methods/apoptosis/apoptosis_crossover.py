"""Crossover: see `espalier.methods.apoptosis.strategies.crossover`."""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy
from espalier.methods.apoptosis.replacement.crossover import Mode


@kconfig_dataclass
class Crossover(ApoptosisMethod):
    """Newborns descend from two parents each."""

    pace: Pace
    deaths: Deaths
    mode: Mode
    mutation: float

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.crossover(
            self.mode, death=self.deaths.kind, mutation_strength=self.mutation
        )
