"""Deaths and births in single layers, as a strategy says, recorded as they happen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from espalier.apoptosis import fitness as measures
from espalier.apoptosis.apoptosis_options import ApoptosisOptions
from espalier.apoptosis.event_history import EventHistory
from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.replacement_ops import BirthContext, Parents
from espalier.apoptosis.strategy import Replacer, Selected, Strategy
from espalier.surgery.pairs import Layer
from espalier.surgery.resize import widen

Regrow = Callable[[Layer, Tensor, Tensor, Tensor], Parents | None]
"""Write the neurons of a layer in slots (n,), from those that live (m,) and fitness (size,)."""


class EventRunner(Replacer):
    """Carries out the events of layers; `regrow` writes the newborn."""

    def __init__(
        self, strategy: Strategy, options: ApoptosisOptions, history: EventHistory, regrow: Regrow
    ) -> None:
        self.strategy, self.options, self.history = strategy, options, history
        self.generator = options.generator or torch.Generator().manual_seed(0)
        self._regrow = regrow

    @property
    def step(self) -> int:
        """The update that has just been done."""
        return self.history.step

    @property
    def rate(self) -> float:
        """The share of neurons to replace at this step."""
        return self.options.rate_at(self.step)

    def score(self, population: LayerPopulation) -> None:
        """Take the fitness of the neurons, as observed now, into its average."""
        options, observations = self.options, [population.observed]
        metric, invert = options.fitness_metric, options.invert
        fitness = measures.score(metric, observations, self.generator, invert)
        population.fitness_ema.update(fitness)

    def select(self, population: LayerPopulation) -> Selected:
        """Select the neurons whose turn it is to die."""
        return self.strategy.selection(population, population.quota(self.rate))

    @torch.no_grad()
    def replace(self, population: LayerPopulation, selected: Selected) -> None:
        """Death and birth in the slots of `selected`."""
        context = self._context(population, selected.slots)
        damage = self.strategy.death(context, selected)
        self.history.record_death(population, selected.slots, damage)
        self._give_birth(context)

    @torch.no_grad()
    def grow(self, population: LayerPopulation, count: int) -> None:
        """Births in `count` new slots behind the last."""
        slots = widen(population.site, count)
        population.fitness_ema.grow(count)
        self._give_birth(self._context(population, slots))

    def _context(self, population: LayerPopulation, slots: Tensor) -> BirthContext:
        healthy, fitness = population.others(slots), population.fitness_ema.fitness.clone()
        return self.birth_context(population, slots, healthy, fitness)

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
