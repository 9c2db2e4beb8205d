"""Crossover: see `espalier.apoptosis.strategies.crossover`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.apoptosis.crossover import Mode
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.kconfig.options import kconfig_dataclass


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
