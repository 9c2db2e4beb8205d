"""Apoptosis as it was first tried: see `espalier.apoptosis.strategies.standard`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Pace
from espalier.apoptosis.overwriting import Regrowth
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.component import symbol
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Standard(ApoptosisMethod):
    """Zero the weak, regrow them from the fit, leave what reads them as it is."""

    pace: Pace
    regrowth: Regrowth
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.standard(self.regrowth, self.mutation or 0.0)
