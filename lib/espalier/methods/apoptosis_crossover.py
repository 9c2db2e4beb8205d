"""Crossover: see `espalier.apoptosis.strategies.crossover`."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.apoptosis.crossover import Mode
from espalier.apoptosis.strategy import ApoptosisStrategy


@dataclass(frozen=True)
class Crossover(ApoptosisMethod):
    """Newborns descend from two parents each."""

    pace: Pace = Pace()
    deaths: Deaths = Deaths()
    mode: Mode = "uniform"
    mutation: float = 0.1

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.crossover(
            self.mode, death=self.deaths.kind, mutation_strength=self.mutation
        )
