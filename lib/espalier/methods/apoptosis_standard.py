"""Apoptosis as it was first tried: see `espalier.apoptosis.strategies.standard`."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Pace
from espalier.apoptosis.overwriting import Regrowth
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.component import symbol


@dataclass(frozen=True)
class Standard(ApoptosisMethod):
    """Zero the weak, regrow them from the fit, leave what reads them as it is."""

    pace: Pace = Pace()
    regrowth: Regrowth = "mutation"
    mutation: float | None = symbol("APOPTOSIS_MUTATION", 0.3)

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.standard(self.regrowth, self.mutation or 0.0)
