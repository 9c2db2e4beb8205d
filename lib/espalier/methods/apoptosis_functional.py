"""Functional preservation: see `espalier.apoptosis.fading`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis.fading import FunctionalPreservationApoptosis
from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.apoptosis.plan import Births, Pace
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Functional(ApoptosisMethod):
    """Survivors take over what the dying did, over `preservation_steps` steps."""

    pace: Pace
    births: Births
    preservation_steps: int

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> FunctionalPreservationApoptosis:
        return FunctionalPreservationApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            mutation_strength=self.births.mutation or 0.0,
            preservation_steps=self.preservation_steps,
            birth=self.births.kind,
            **shared.options,
        )
