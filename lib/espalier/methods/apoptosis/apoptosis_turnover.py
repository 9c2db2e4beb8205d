"""Continuous turnover: see `espalier.methods.apoptosis.strategies.turnover`."""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Births, Deaths, Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy


@kconfig_dataclass
class ContinuousTurnover(ApoptosisMethod):
    """A share `rate` of the neurons every `interval` steps."""

    rate: float
    interval: int
    deaths: Deaths
    births: Births

    @property
    @override
    def pace(self) -> Pace:
        return Pace(self.rate, self.interval)

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.turnover(self.deaths.kind, self.births.kind, self.births.mutation or 0.0)
