"""Continuous turnover: see `espalier.apoptosis.strategies.turnover`."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Births, Deaths, Pace
from espalier.apoptosis.strategy import ApoptosisStrategy


@dataclass(frozen=True)
class Turnover(ApoptosisMethod):
    """A share `rate` of the neurons every `interval` steps."""

    rate: float = 0.02
    interval: int = 100
    deaths: Deaths = Deaths()
    births: Births = Births()

    @property
    @override
    def pace(self) -> Pace:
        return Pace(self.rate, self.interval)

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.turnover(self.deaths.kind, self.births.kind, self.births.mutation or 0.0)
