"""Functional preservation: see `espalier.apoptosis.strategies.functional_preservation`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis import strategies
from espalier.apoptosis.apoptosis_method import ApoptosisMethod
from espalier.apoptosis.apoptosis_settings import Births, Pace
from espalier.apoptosis.strategy import ApoptosisStrategy
from espalier.kconfig.options import kconfig_dataclass


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
