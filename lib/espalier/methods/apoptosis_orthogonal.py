"""Orthogonal selection and birth: see `espalier.apoptosis.strategies.orthogonal`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.apoptosis.strategies import Parts
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.component import symbol
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Orthogonal(ApoptosisMethod):
    """The redundant die, the newborn do what no other does."""

    pace: Pace
    deaths: Deaths
    parts: Parts
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.orthogonal(
            self.parts, death=self.deaths.kind, mutation_strength=self.mutation or 0.0
        )
