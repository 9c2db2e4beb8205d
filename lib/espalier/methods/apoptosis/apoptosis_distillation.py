"""Distillation: see `espalier.methods.apoptosis.strategies.distillation`."""

from __future__ import annotations

from typing_extensions import override

from espalier.core.component import symbol
from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy


@kconfig_dataclass
class Distillation(ApoptosisMethod):
    """Newborns are distilled from the dying, for `steps` steps, before they take over."""

    pace: Pace
    steps: int
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.distillation(self.steps, self.mutation or 0.0)
