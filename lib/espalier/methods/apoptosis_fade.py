"""Gradual fade: see `espalier.apoptosis.gradual_replacement`."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.apoptosis.gradual_replacement import GradualFadeApoptosis
from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.apoptosis.apoptosis_settings import Births, Pace
from espalier.contracts import Run


@dataclass(frozen=True)
class Fade(ApoptosisMethod):
    """What the dying do fades to its mean over `steps` steps."""

    pace: Pace = Pace()
    births: Births = Births()
    steps: int = 50

    def manager(self, run: Run, shared: Shared) -> GradualFadeApoptosis:  # noqa: D102
        return GradualFadeApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            mutation_strength=self.births.mutation or 0.0,
            fade_steps=self.steps,
            birth=self.births.kind,
            **shared.options,
        )
