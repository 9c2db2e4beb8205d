"""Deaths and births in single layers, as a strategy says, and the record of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from espalier.methods.apoptosis.neurons import fitness as measures
from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    ApoptosisOptions,
    ApoptosisStrategy,
    Selected,
)
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.methods.apoptosis.neurons.lineage import Lineage, Op
from espalier.methods.apoptosis.neurons.replacement_ops import BirthContext, Parents
from espalier.sparse import processes
from espalier.surgery.pairing.pair_layers import Layer


class ApoptosisEvent(NamedTuple):
    """Neurons of one layer that were replaced, or added, at one step."""

    step: int
    layer: str
    count: int  # type: ignore[assignment]


class EventHistory:
    """The events and the lineage of the neurons of `populations`, up to update number `step`."""

    def __init__(self, populations: Sequence[LayerPopulation]) -> None:
        """Begin with founders in every layer."""
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


Regrow = Callable[[Layer, Tensor, Tensor, Tensor], Parents | None]
"""Write the neurons of a layer in slots (n,), from those that live (m,) and fitness (size,)."""


class EventRunner:
    """Carries out the events of layers; `regrow` writes the newborn."""

    def __init__(
        self,
        strategy: ApoptosisStrategy,
        options: ApoptosisOptions,
        history: EventHistory,
        regrow: Regrow,
    ) -> None:
        self.strategy, self.options, self.history = strategy, options, history
        self.generator = options.generator or torch.Generator().manual_seed(0)
        self._regrow = regrow

    def score(self, population: LayerPopulation) -> None:
        """Take the fitness of the neurons, as observed now, into its average."""
        options, observed = self.options, population.observed
        usual = population.fitness_ema.observe(observed.activations.mean((0, 1)))
        observations = [replace(observed, running_mean=usual)]
        metric, invert = options.fitness_metric, options.invert
        fitness = measures.score(metric, observations, self.generator, invert)
        processes.broadcast([fitness], options.process_group)
        population.fitness_ema.update(fitness)

    def begin(self, population: LayerPopulation) -> None:
        """Begin the event of a layer, whose neurons have their scores."""
        schedule, rate = self.strategy.schedule, self.options.rate_at(self.history.step)
        count = schedule.count(population, rate)
        selected = self.strategy.selection(population, count, self.generator)
        selected = self._agreed(selected)
        if len(selected.slots):
            self._replace(population, schedule.begin(population, selected, self.history.step))

    def _agreed(self, selected: Selected) -> Selected:
        """Return what the first process has selected."""
        own = selected.slots.tolist()
        slots = processes.first(own, self.options.process_group)
        if slots == own:
            return selected
        return Selected(selected.slots.new_tensor(slots), vacant=selected.vacant)

    def advance(self, population: LayerPopulation) -> None:
        """Continue an event of a layer that began before, if there is one."""
        now = self.strategy.schedule.advance(population, self.history.step)
        self._replace(population, now)

    @torch.no_grad()
    def _replace(self, population: LayerPopulation, selected: Selected | None) -> None:
        """Let the selected die, and others be born into their slots."""
        if selected is None:
            return
        slots, fitness = selected.slots, population.fitness_ema.fitness.clone()
        context = self.birth_context(population, slots, population.others(slots), fitness)
        if not selected.vacant:
            damage = self.strategy.death(context, selected)
            self.history.record_death(population, slots, damage)
        self._give_birth(context)

    def birth_context(
        self, population: LayerPopulation, slots: Tensor, healthy: Tensor, fitness: Tensor
    ) -> BirthContext:
        """Return what births in `slots` need."""
        strength = self.strategy.mutation_strength
        return BirthContext(population, slots, healthy, fitness, self.generator, strength)

    def _give_birth(self, context: BirthContext) -> None:
        population, slots = context.population, context.slots
        producer = population.site.pair.producer
        parents = self._regrow(producer, slots, context.healthy, context.fitness)
        self.history.record_birth(population, slots, parents, self.strategy.birth.op(parents))
