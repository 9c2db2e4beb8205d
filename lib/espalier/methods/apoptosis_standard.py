"""Apoptosis as it was first tried: see `espalier.apoptosis.neuron`."""

from __future__ import annotations

from typing_extensions import override

from espalier.apoptosis.method import ApoptosisMethod, Attended, Shared
from espalier.apoptosis.neuron import NeuronApoptosisManager
from espalier.apoptosis.plan import Pace
from espalier.apoptosis.replacing import Regrowth
from espalier.component import symbol
from espalier.contracts import Run
from espalier.kconfig.options import kconfig_dataclass


@kconfig_dataclass
class Standard(ApoptosisMethod):
    """Zero the weak, regrow them from the fit, leave what reads them as it is."""

    pace: Pace
    regrowth: Regrowth
    mutation: float | None = symbol("APOPTOSIS_MUTATION")

    @override
    def manager(self, run: Run[Attended], shared: Shared) -> NeuronApoptosisManager:
        return NeuronApoptosisManager(
            *(run.model, shared.layers, self.pace.rate, self.pace.interval, self.plan.fitness),
            regrowth_strategy=self.regrowth,
            mutation_strength=self.mutation or 0.0,
            **shared.options,
        )
