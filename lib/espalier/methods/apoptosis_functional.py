"""Functional preservation: see `espalier.apoptosis.gradual_replacement`."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.apoptosis.gradual_replacement import FunctionalPreservationApoptosis
from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.apoptosis.apoptosis_settings import Births, Pace
from espalier.contracts import Run


@dataclass(frozen=True)
class Functional(ApoptosisMethod):
    """Survivors take over what the dying did, over `preservation_steps` steps."""

    pace: Pace = Pace()
    births: Births = Births()
    preservation_steps: int = 50

    def manager(self, run: Run, shared: Shared) -> FunctionalPreservationApoptosis:  # noqa: D102
        return FunctionalPreservationApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            mutation_strength=self.births.mutation or 0.0,
            preservation_steps=self.preservation_steps,
            birth=self.births.kind,
            **shared.options,
        )
