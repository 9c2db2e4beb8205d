"""Functional preservation: see `espalier.methods.apoptosis.strategies.functional_preservation`."""

from __future__ import annotations

from typing_extensions import override

from espalier.kconfig.config_dataclass import kconfig_dataclass
from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.methods.apoptosis.apoptosis_settings import Births, Pace
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy


@kconfig_dataclass
class Functional(ApoptosisMethod):
    """Survivors take over what the dying did, over `preservation_steps` steps."""

    pace: Pace
    births: Births
    preservation_steps: int

    @override
    def strategy(self) -> ApoptosisStrategy:
        return strategies.functional_preservation(
            self.preservation_steps,
            birth=self.births.kind,
            mutation_strength=self.births.mutation or 0.0,
        )
