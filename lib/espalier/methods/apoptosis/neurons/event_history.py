"""What is remembered of the events of a manager: deaths, births, and how the neurons descend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.methods.apoptosis.neurons.lineage import Lineage, Op
from espalier.methods.apoptosis.neurons.replacement_ops import Parents


class ApoptosisEvent(NamedTuple):
    """Neurons of one layer that were replaced, or added, at one step."""

    step: int
    layer: str
    count: int  # type: ignore[assignment]


class EventHistory:
    """The events and the lineage of the neurons of `populations`, up to update number `step`."""

    def __init__(self, populations: Sequence[LayerPopulation]) -> None:
        """Nothing has happened yet."""
        self.step = 0
        self.events: list[ApoptosisEvent] = []
        self.lineage = Lineage({population.name: population.size for population in populations})

    def record_death(
        self, population: LayerPopulation, slots: Tensor, damage: Tensor | None
    ) -> None:
        """Record that the neurons in `slots` (n,) died, with the `damage` if measured."""
        fitness = population.fitness_ema.fitness[slots].tolist()
        drift = None if damage is None else float(damage)
        self.lineage.record_deaths(self.step, population.name, slots.tolist(), fitness, drift=drift)
        population.died += len(slots)

    def record_birth(
        self, population: LayerPopulation, slots: Tensor, parents: Parents | None, op: Op
    ) -> None:
        """Record births in `slots` (n,), which complete an event of the layer."""
        self.lineage.record_births(self.step, population.name, slots.tolist(), parents, op)
        population.fitness_ema.reset(slots)
        population.born += len(slots)
        self.events.append(ApoptosisEvent(self.step, population.name, len(slots)))

    def stats(self, population: LayerPopulation) -> dict[str, float]:
        """Return how many neurons, deaths and births there are, and ages in steps."""
        ages = self.lineage.ages(population.name, self.step)
        each = torch.tensor(ages, dtype=torch.float64)
        return {
            "neurons": population.size,
            "deaths": population.died,
            "births": population.born,
            "mean_age": float(each.mean()),
            "max_age": float(each.max()),
            "min_age": float(each.min()),
            "std_age": float(each.std(correction=0)),
        }

    def assert_consistent(self, population: LayerPopulation) -> None:
        """Raise RuntimeError if what is remembered is not what the layer is."""
        name, ages = population.name, len(population.fitness_ema.age)
        sizes = {ages, len(self.lineage.ids(name))}
        if sizes != {population.size}:
            raise RuntimeError(f"{name}: has {population.size} neurons, {sizes} are known")

    def state_dict(self) -> dict[str, Any]:
        """Return everything remembered as plain data."""
        events = [tuple(event) for event in self.events]
        return {"step": self.step, "events": events, "lineage": self.lineage.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.step = state["step"]
        self.events = [ApoptosisEvent(*event) for event in state["events"]]
        self.lineage.load_state_dict(state["lineage"])
