"""Apoptosis as it was first tried: see `espalier.methods.apoptosis.strategies.standard`."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy
from espalier.methods.apoptosis.replacement.overwriting import Regrowth


@kconfig_dataclass
class Standard(ApoptosisMethod):
    """Zero the weak, regrow them from the fit, leave what reads them as it is."""

    pace: Pace
    regrowth: Regrowth
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.standard(self.regrowth, self.mutation or 0.0)
