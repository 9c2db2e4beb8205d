"""Orthogonal selection and birth: see `espalier.apoptosis.orthogonal`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.apoptosis.orthogonal import OrthogonalApoptosis
from espalier.apoptosis.apoptosis_settings import Deaths, Pace
from espalier.component import symbol
from espalier.contracts import Run


@dataclass(frozen=True)
class Orthogonal(ApoptosisMethod):
    """The redundant die, the newborn do what nobody does."""

    pace: Pace = Pace()
    deaths: Deaths = Deaths()
    parts: Literal["both", "selection", "birth"] = "both"
    mutation: float | None = symbol("APOPTOSIS_MUTATION", 0.3)

    def manager(self, run: Run, shared: Shared) -> OrthogonalApoptosis:  # noqa: D102
        return OrthogonalApoptosis(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            mutation_strength=self.mutation or 0.0,
            orthogonal_selection=self.parts != "birth",
            orthogonal_birth=self.parts != "selection",
            death=self.deaths.kind,
            **shared.options,
        )
