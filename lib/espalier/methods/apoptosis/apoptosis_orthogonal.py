"""Orthogonal selection and birth: see `espalier.methods.apoptosis.strategies.orthogonal`."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy
from espalier.methods.apoptosis.strategies import OrthogonalParts


@kconfig_dataclass
class Orthogonal(ApoptosisMethod):
    """The redundant die, the newborn do what no other does."""

    pace: Pace
    deaths: Deaths
    parts: OrthogonalParts
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.orthogonal(
            self.parts, death=self.deaths.kind, mutation_strength=self.mutation or 0.0
        )
