"""Distillation: see `espalier.apoptosis.distillation`."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.apoptosis.distillation import DistillationApoptosis
from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.apoptosis.apoptosis_settings import Pace
from espalier.component import symbol
from espalier.contracts import Run


@dataclass(frozen=True)
class Distillation(ApoptosisMethod):
    """Newborns are taught what the dying did, for `steps` steps, before they take over."""

    pace: Pace = Pace()
    steps: int = 10
    mutation: float | None = symbol("APOPTOSIS_MUTATION", 0.3)

    def manager(self, run: Run, shared: Shared) -> DistillationApoptosis:  # noqa: D102
        return DistillationApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            mutation_strength=self.mutation or 0.0,
            distillation_steps=self.steps,
            **shared.options,
        )
