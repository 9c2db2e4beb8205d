"""Distillation: see `espalier.apoptosis.strategies.distillation`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Pace
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.component import symbol
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Distillation(ApoptosisMethod):
    """Newborns are distilled from the dying, for `steps` steps, before they take over."""

    pace: Pace
    steps: int
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.distillation(self.steps, self.mutation or 0.0)
