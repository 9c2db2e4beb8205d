"""Distillation: see `espalier.apoptosis.distillation`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis.distillation import DistillationApoptosis
from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.apoptosis.plan import Pace
from espalier.component import symbol
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Distillation(ApoptosisMethod):
    """Newborns are taught what the dying did, for `steps` steps, before they take over."""

    pace: Pace
    steps: int
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> DistillationApoptosis:
        return DistillationApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            mutation_strength=self.mutation or 0.0,
            distillation_steps=self.steps,
            **shared.options,
        )
