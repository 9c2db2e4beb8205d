"""Continuous turnover: see `espalier.apoptosis.strategies.turnover`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Births, Deaths, Pace
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Turnover(ApoptosisMethod):
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
