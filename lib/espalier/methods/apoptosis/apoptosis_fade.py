"""Gradual fade: see `espalier.methods.apoptosis.strategies.gradual_fade`."""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Births, Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy


@kconfig_dataclass
class Fade(ApoptosisMethod):
    """The dying fade to their mean over `steps` steps."""

    pace: Pace
    births: Births
    steps: int

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.gradual_fade(
            self.steps, birth=self.births.kind, mutation_strength=self.births.mutation or 0.0
        )
