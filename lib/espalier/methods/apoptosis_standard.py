"""Apoptosis as it was first tried: see `espalier.apoptosis.neuron`."""

from __future__ import annotations

from dataclasses import dataclass

from espalier.apoptosis.apoptosis_method import ApoptosisMethod, Shared
from espalier.apoptosis.neuron import NeuronApoptosisManager
from espalier.apoptosis.apoptosis_settings import Pace
from espalier.apoptosis.replacement_ops import Regrowth
from espalier.component import symbol
from espalier.contracts import Run


@dataclass(frozen=True)
class Standard(ApoptosisMethod):
    """Zero the weak, regrow them from the fit, leave what reads them as it is."""

    pace: Pace = Pace()
    regrowth: Regrowth = "mutation"
    mutation: float | None = symbol("APOPTOSIS_MUTATION", 0.3)

    def manager(self, run: Run, shared: Shared) -> NeuronApoptosisManager:  # noqa: D102
        return NeuronApoptosisManager(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            regrowth_strategy=self.regrowth,
            mutation_strength=self.mutation or 0.0,
            **shared.options,
        )
