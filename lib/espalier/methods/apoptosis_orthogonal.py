"""Orthogonal selection and birth: see `espalier.apoptosis.orthogonal`."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.apoptosis.orthogonal import OrthogonalApoptosis
from espalier.apoptosis.plan import Deaths, Pace
from espalier.component import symbol
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Orthogonal(ApoptosisMethod):
    """The redundant die, the newborn do what nobody does."""

    pace: Pace
    deaths: Deaths
    parts: Literal["both", "selection", "birth"]
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> OrthogonalApoptosis:
        return OrthogonalApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            mutation_strength=self.mutation or 0.0,
            orthogonal_selection=self.parts != "birth",
            orthogonal_birth=self.parts != "selection",
            death=self.deaths.kind,
            **shared.options,
        )
