"""Hybrid of growth and death: see `espalier.apoptosis.strategies.hybrid`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Hybrid(ApoptosisMethod):
    """A share `turnover_rate` dies and as many are born, every `interval` steps."""

    turnover_rate: float
    interval: int
    deaths: Deaths

    @property
    @override
    def pace(self) -> Pace:
        return Pace(self.turnover_rate, self.interval)

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.hybrid(self.deaths.kind)
