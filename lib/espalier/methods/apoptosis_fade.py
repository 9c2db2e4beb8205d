"""Gradual fade: see `espalier.apoptosis.fading`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis.fading import GradualFadeApoptosis
from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.apoptosis.plan import Births, Pace
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Fade(ApoptosisMethod):
    """What the dying do fades to its mean over `steps` steps."""

    pace: Pace
    births: Births
    steps: int

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> GradualFadeApoptosis:
        return GradualFadeApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            mutation_strength=self.births.mutation or 0.0,
            fade_steps=self.steps,
            birth=self.births.kind,
            **shared.options,
        )
