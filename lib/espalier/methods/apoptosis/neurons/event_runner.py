"""Deaths and births in single layers, as a strategy says, recorded as they happen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from espalier.methods.apoptosis.neurons import fitness as measures
from espalier.methods.apoptosis.neurons.apoptosis_options import ApoptosisOptions
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ApoptosisStrategy, Selected
from espalier.methods.apoptosis.neurons.event_history import EventHistory
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.methods.apoptosis.neurons.replacement_ops import BirthContext, Parents
from espalier.surgery.pairs import Layer

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
        options, observations = self.options, [population.observed]
        metric, invert = options.fitness_metric, options.invert
        fitness = measures.score(metric, observations, self.generator, invert)
        population.fitness_ema.update(fitness)

    def begin(self, population: LayerPopulation) -> None:
        """Begin the event of a layer, whose neurons have their scores."""
        schedule, rate = self.strategy.schedule, self.options.rate_at(self.history.step)
        selected = self.strategy.selection(population, schedule.count(population, rate))
        if len(selected.slots):
            self._replace(population, schedule.begin(population, selected, self.history.step))

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
