"""The manager of neuron apoptosis, for any training loop and any strategy.

Call `step()` after each update of the optimizer, before gradients are cleared. At every event some
neurons of each layer die, and others are born into their slots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    ApoptosisOptions,
    ApoptosisStrategy,
)
from espalier.methods.apoptosis.neurons.event_runner import (
    ApoptosisEvent,
    EventHistory,
    EventRunner,
)
from espalier.methods.apoptosis.neurons.first_pass import FirstPass
from espalier.methods.apoptosis.neurons.gradient_check import check_gradients
from espalier.methods.apoptosis.neurons.layer_patterns import Names
from espalier.methods.apoptosis.neurons.layer_population import FitnessEma, LayerPopulation
from espalier.methods.apoptosis.neurons.lineage import Lineage
from espalier.methods.apoptosis.neurons.pooled_stats import PooledStats
from espalier.methods.apoptosis.neurons.replacement_ops import Parents
from espalier.methods.apoptosis.neurons.stat_sources import StatSource
from espalier.methods.apoptosis.neurons.user_checks import check_state, check_trained_still, checked
from espalier.methods.apoptosis.weight_ages import WeightAges
from espalier.sparse import processes
from espalier.sparse.user_models import check_model, check_trained
from espalier.surgery.edit_context import EditContext
from espalier.surgery.init_distribution import estimate_distribution
from espalier.surgery.pairing.pair_layers import Layer
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.restarts.per_slice_restart import restart_of
from espalier.surgery.restarts.restart_protocol import Restart


class ApoptosisManager:
    """Replaces neurons of a model while it trains.

    manager = ApoptosisManager(model, None, hybrid(), ApoptosisOptions(rate=0.05, interval=500))
    for ...:
        ...
        optimizer.step()
        manager.step()

    Under `torch.distributed` every process has a manager, and all do the same: samples of all are
    pooled, and what the first writes is written everywhere.
    The classes of `managers` are this one with a strategy each.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None,
        strategy: ApoptosisStrategy,
        options: ApoptosisOptions,
    ) -> None:
        """`target_layers` are names of layers, with wildcards or `...`; all that can, if None.

        Raises ValueError for a model without pairs, for one that the optimizer does not train, and
        if `strategy` cannot work on these layers.
        """
        check_model(model)
        model = processes.wrapped(model)
        self.model, self.strategy, self.options = model, strategy, options
        self._restarts = None if options.optimizer is None else restart_of(options.optimizer)
        self._loaded: Mapping[str, Any] | None = None
        self._first_pass = FirstPass(model, target_layers, options, self._replace_pairs)
        self._assemble(self._first_pass.pairs)
        self._first_pass.watch()

    def _assemble(self, pairs: list[Pair]) -> None:
        strategy, options = self.strategy, self.options
        if options.optimizer is not None:
            check_trained(((pair.name, _parameters(pair)) for pair in pairs), options.optimizer)
        strategy.check(pairs, options)
        mature = strategy.founders_are_mature
        self.populations = [_population(pair, options, self._restarts, mature) for pair in pairs]
        for population in self.populations:
            population.link(self.populations)
        self._history = EventHistory(self.populations)
        self._runner = EventRunner(strategy, options, self._history, checked(self._regrow_neurons))
        self.weight_ages = WeightAges(self.lineage, self.populations)
        self._stat_source = _stat_source(pairs, options)
        self._prepare_stats()

    def _replace_pairs(self, pairs: list[Pair]) -> None:
        """Begin anew with pairs that a pass has shown; none has died or been born yet."""
        self._stat_source.remove()
        self._assemble(pairs)
        if self._loaded is not None:
            self.load_state_dict(self._loaded)

    def step(self) -> None:
        """Do what is due after an update of the optimizer."""
        self._history.step += 1
        if self._restarts is not None:
            self._restarts.after_step()
        if self.step_count == 1:  # a loop of the wrong order is noticed now, not at the first event
            check_gradients(self.model, self.options.fitness_metric)
        if not self._needs_stats(self.step_count) or self._collect_stats():
            self._advance()
        for population in self.populations:
            population.observation = None
        self._prepare_stats()

    @property
    def step_count(self) -> int:
        """Number of steps done."""
        return self._history.step

    @property
    def due(self) -> bool:
        """Whether the coming `step()` brings an event."""
        return self.is_due(self.step_count + 1)

    @property
    def busy(self) -> bool:
        """Whether an event that has begun is not over."""
        return any(population.fade is not None for population in self.populations)

    def is_due(self, step: int) -> bool:
        """Return whether an event begins at `step` (1 is the first)."""
        if not self.options.is_event_step(step):
            return False
        return self.strategy.schedule.is_due(self.populations, self.options.rate_at(step))

    def is_judging(self, step: int) -> bool:
        """Return whether neurons are judged at `step`, whether or not an event begins there."""
        if not self.options.is_event_step(step):
            return False
        return self.strategy.schedule.is_judging(self.populations, self.options.rate_at(step))

    def _needs_stats(self, step: int) -> bool:
        """Return whether neurons must be observed for what happens at `step`."""
        ending = self.strategy.schedule.is_ending
        return self.is_judging(step) or any(ending(each, step) for each in self.populations)

    def _prepare_stats(self) -> None:
        self._stat_source.prepare(self._needs_stats(self.step_count + 1))

    def _collect_stats(self) -> bool:
        """Observe; return False for numbers that are not finite: then nothing is replaced."""
        self._first_pass.check_seen()
        for population in self.populations:
            check_trained_still(population.name, _parameters(population.site.pair))
        check_gradients(self.model, self.options.fitness_metric)
        group = self.options.process_group
        if self.is_due(self.step_count):
            processes.check_equal(_named_parameters(self.populations), group)
        processes.broadcast_generator(self._runner.generator, group)
        observations = self._stat_source.collect()
        for population in self.populations:
            population.observation = observations[population.name]
            population.age_to(self.step_count)
        finite = all(observation.is_finite for observation in observations.values())
        return processes.all_true(finite, group)

    def _advance(self) -> None:
        judging, busy, past = self.is_judging(self.step_count), self.busy, len(self._history.events)
        for population in self.populations:
            self._runner.advance(population)
        if judging:
            for population in self.populations:  # all, before an event changes the next layer
                self._runner.score(population)
            for population in self.populations:
                self._runner.begin(population)
        if busy or self.busy or len(self._history.events) > past:
            tensors = [x for population in self.populations for x in population.tensors()]
            processes.broadcast(tensors, self.options.process_group)

    def _regrow_neurons(
        self, layer: Layer, dying_indices: Tensor, healthy_indices: Tensor, fitness: Tensor
    ) -> Parents | None:
        """Write the weights and biases of `layer` that make the neurons `dying_indices` (n,).

        Override this for a strategy of your own. The dead are zeroed before, and optimizer state is
        taken care of. `healthy_indices` (m,) live on, `fitness` (neurons,) is higher for the
        fitter. May return, for each newborn, its parents' indices and shares. Called without
        gradients.
        """
        population = next(p for p in self.populations if p.site.pair.producer is layer)
        arguments = dying_indices, healthy_indices, fitness
        return self.strategy.birth.create(self._runner.birth_context(population, *arguments))

    @property
    def apoptosis_events(self) -> list[ApoptosisEvent]:
        """Events that are complete: one a layer and step."""
        return self._history.events

    @property
    def growth_events(self) -> list[ApoptosisEvent]:
        """Births: one a layer and step. Every event ends with them, so they are all events."""
        return self._history.events

    @property
    def lineage(self) -> Lineage:
        """Every death and birth of a neuron."""
        return self._history.lineage

    def get_stats(self) -> dict[str, dict[str, float]]:
        """Return, for each layer, its neurons, deaths, births, and ages in steps."""
        return {each.name: self._history.stats(each) for each in self.populations}

    def assert_consistent(self) -> None:
        """Raise RuntimeError if what is remembered is not what the layers are."""
        for population in self.populations:
            self._history.assert_consistent(population)

    @property
    def left_out(self) -> Mapping[str, str]:
        """Layers that begin no pair, by name, and why."""
        return self._first_pass.left_out

    def remove(self) -> None:
        """Take all hooks off the model. `step()` must not be called again."""
        self._stat_source.remove()
        self._first_pass.remove()

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs to go on exactly from here, also within an event.

        The model's and the optimizer's own states are saved beside it, as always.
        """
        return {
            **self._history.state_dict(),
            "populations": {each.name: each.state_dict() for each in self.populations},
            "generator": self._runner.generator.get_state(),
            "restarts": None if self._restarts is None else self._restarts.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` of a manager made with the same arguments returned.

        Layers take the sizes they had: load this first, then the model's state, then the
        optimizer's.
        """
        names = [population.name for population in self.populations]
        whole, has_optimizer = not self._first_pass.is_awaited, self._restarts is not None
        check_state(state, names, whole=whole, has_optimizer=has_optimizer)
        if self._first_pass.is_awaited:
            self._loaded = state
        for population in self._first_pass.restorable(self.populations, state["populations"]):
            population.load_state_dict(state["populations"][population.name])
        self._history.load_state_dict(state)
        self._runner.generator.set_state(state["generator"])
        if self._restarts is not None:
            self._restarts.load_state_dict(state["restarts"])
        self._prepare_stats()


def _named_parameters(populations: Sequence[LayerPopulation]) -> dict[str, Tensor]:
    """Return what makes and reads neurons, by names for messages."""
    return {
        f"parameter {number} of the neurons of {population.name}": parameter
        for population in populations
        for pair in [population.site.pair]
        for number, parameter in enumerate(_parameters(pair), 1)
    }


def _parameters(pair: Pair) -> list[Tensor]:
    """Return what makes and reads the neurons of a pair."""
    return [parameter for parameter, _ in [*pair.slices(), pair.reader]]


def _stat_source(pairs: list[Pair], options: ApoptosisOptions) -> StatSource:
    """Return where neurons are observed; what processes see by themselves is pooled."""
    source = options.stat_source(pairs)
    return PooledStats(source, options.process_group) if source.is_local else source


def _population(
    pair: Pair, options: ApoptosisOptions, restarts: Restart | None, mature: bool
) -> LayerPopulation:
    weight = pair.producer.weight
    dtype = torch.promote_types(weight.dtype, torch.float32)
    ema = FitnessEma(pair.size, options.decay, options.maturity, weight.device, dtype)
    if mature:
        ema.step(options.maturity)
    site = EditContext(pair, options.optimizer, restarts=restarts)
    share = options.shares.get(pair.name, 1.0)
    return LayerPopulation(site, ema, estimate_distribution(pair.producer.weight), share, pair.size)
