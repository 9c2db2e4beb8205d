"""Hybrid of growth and death: see `espalier.methods.apoptosis.strategies.hybrid`."""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy


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
