"""Strategies of neuron apoptosis as values, and the options of managers that do not depend on them.

A strategy holds no state: what changes while a network trains is in its `LayerPopulation`s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from espalier.core.arguments import check_choice, check_number, check_whole
from espalier.methods.apoptosis.neurons.event_schedule import EventWindow, annealed_rate
from espalier.methods.apoptosis.neurons.fitness import FitnessMetric
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.methods.apoptosis.neurons.lineage import Op
from espalier.methods.apoptosis.neurons.replacement_ops import BirthContext, Parents
from espalier.methods.apoptosis.neurons.stat_sources import LivePassStats, StatSource
from espalier.sparse.processes import Group
from espalier.surgery.death import Substitute
from espalier.surgery.pairing.pair_names import PairNames
from espalier.surgery.pairing.pairs import Pair

MATURITY = 100
"""Steps for which a newborn is not selected, as in the code of Dohare et al. 2024."""

ANY_RATE = 0.5
"""The rate of a strategy whose rule has none: only that it is not 0 matters."""


@dataclass(frozen=True)
class ApoptosisOptions:
    """When events come, how many neurons they replace, and how neurons are scored.

    `rate`: share of a layer's neurons replaced at an event, in [0, 1). `interval`: steps from one
    event to the next. `optimizer`: its state follows the neurons; without it, newborns inherit the
    state of the dead. `generator`: of all random decisions, on the CPU; by default one with seed 0.
    `maturity`: steps for which a newborn is not selected. `decay`: of the running average of
    fitness over events, in [0, 1). `invert`: the fittest die, as a control. `anneal_steps`: the
    rate falls along half a cosine to nothing at this step (0: it stays as it is). `shares`: what
    the rate is multiplied with, by layer. `window`: the steps at which events may begin, by default
    all. `stat_source`: where neurons are observed; by default in the passes of the training loop.
    `process_group`: under `torch.distributed`, the processes that decide together; by default all
    of them.
    `pairs` and `example`: as in `espalier.surgery.pairing.pairs.find_pairs`; without an example
    the model's first forward pass is one. `chains_only`: look at no pass, take chains of
    `nn.Sequential`s at their word.
    """

    rate: float
    interval: int
    fitness_metric: FitnessMetric = "grad_activation"
    optimizer: torch.optim.Optimizer | None = None
    generator: torch.Generator | None = None
    maturity: int = MATURITY
    decay: float = 0.0
    invert: bool = False
    anneal_steps: int = 0
    shares: Mapping[str, float] = field(default_factory=dict)
    window: EventWindow = EventWindow()
    stat_source: Callable[[list[Pair]], StatSource] = LivePassStats
    process_group: Group = None
    pairs: PairNames | None = None
    example: Any = None
    chains_only: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for anything out of range, TypeError for another kind of value."""
        for name in ("rate", "decay"):
            check_number(name, getattr(self, name))
        for name in ("interval", "maturity", "anneal_steps"):
            check_whole(name, getattr(self, name))
        _check_kind("optimizer", self.optimizer, torch.optim.Optimizer)
        _check_kind("generator", self.generator, torch.Generator)
        check("rate", self.rate, 0 <= self.rate < 1, "in [0, 1)")
        check("interval", self.interval, self.interval >= 1, "1 or more")
        check("maturity", self.maturity, self.maturity >= 0, "0 or more")
        check("decay", self.decay, 0 <= self.decay < 1, "in [0, 1)")
        check_choice("fitness_metric", self.fitness_metric, get_args(FitnessMetric))

    def is_event_step(self, step: int) -> bool:
        """Return whether an event may begin at `step` (1 is the first)."""
        due = step % self.interval == 0 and self.window.is_open(step)
        return due and self.rate_at(step) > 0

    def rate_at(self, step: int) -> float:
        """Return the share of neurons to replace at `step`."""
        return annealed_rate(self.rate, step, self.anneal_steps)


def _check_kind(name: str, value: object, kind: type) -> None:
    """Raise TypeError unless `value` is None or a `kind` of torch's."""
    if not (value is None or isinstance(value, kind)):
        got = type(value).__name__
        raise TypeError(f"{name}: must be a torch {kind.__name__}, not {got}")


def check(name: str, value: object, holds: bool, rule: str) -> None:
    """Raise ValueError, with the rule, unless it `holds` for the argument `name`."""
    if not holds:
        raise ValueError(f"{name}={value!r}: must be {rule}")


@dataclass(frozen=True)
class Selected:
    """Slots (n,) of neurons that are to die, or of none yet if they are `vacant`.

    `fold` computes what the survivors can do in their stead, where the selection knows a short way.
    """

    slots: Tensor
    fold: Callable[[], Substitute] | None = None
    vacant: bool = False


Selection = Callable[[LayerPopulation, int, torch.Generator], Selected]
"""Select up to so many neurons of a layer; the generator is on the CPU."""

Victims = Literal["rule", "random"]
"""Whether a rule says who dies as well as how many die, or chance says who."""

DeathRule = Callable[[BirthContext, Selected], Tensor | None]
"""Silence the selected, in whose slots others are about to be born.

Returns the damage to what the layer after puts out, if known.
"""


@dataclass(frozen=True)
class Birth:
    """A kind of birth into empty slots."""

    def check(self, pair: Pair) -> None:
        """Raise ValueError if neurons of `pair` cannot be born so."""

    def create(self, context: BirthContext) -> Parents | None:
        """Write the newborn; return their parents, if they have any."""
        raise NotImplementedError

    def op(self, parents: Parents | None) -> Op:
        """Return what a birth of such `parents` is called in the lineage."""
        return "birth"


@dataclass(frozen=True)
class ReplacementSchedule:
    """Number and time of replacements in a layer: by default all at once, at the event."""

    def check(self, interval: int) -> None:
        """Raise ValueError if an event takes longer than it is until the next."""

    def is_due(self, populations: Sequence[LayerPopulation], rate: float) -> bool:
        """Return whether an event with this `rate`, above 0, would replace any neuron."""
        return True

    def is_judging(self, populations: Sequence[LayerPopulation], rate: float) -> bool:
        """Return whether neurons are judged where an event may begin; by default if one is due."""
        return self.is_due(populations, rate)

    def count(self, population: LayerPopulation, rate: float) -> int:
        """Return how many neurons of a layer are due at an event with this `rate`."""
        return population.quota(rate)

    def begin(self, population: LayerPopulation, selected: Selected, step: int) -> Selected | None:
        """Begin the event of a layer; return the neurons to replace now, if any."""
        return selected

    def is_ending(self, population: LayerPopulation, step: int) -> bool:
        """Return whether an event that began before `step` ends at it."""
        return False

    def advance(self, population: LayerPopulation, step: int) -> Selected | None:
        """Continue an event that began before; return the neurons to replace now, if any."""
        return None


def select_weakest(population: LayerPopulation, count: int, generator: torch.Generator) -> Selected:
    """Select the mature neurons with the lowest fitness."""
    return Selected(population.fitness_ema.weakest(count))


def select_at_random(
    population: LayerPopulation, count: int, generator: torch.Generator
) -> Selected:
    """Select as many mature neurons as `select_weakest` would, whatever their fitness."""
    if not count:
        return select_weakest(population, count, generator)
    mature = population.fitness_ema.mature.nonzero().flatten()
    order = torch.randperm(len(mature), generator=generator, device=generator.device)[:count]
    return Selected(mature[order.to(mature.device)])


SELECTIONS: Mapping[Victims, Selection] = {"rule": select_weakest, "random": select_at_random}


@dataclass(frozen=True)
class ApoptosisStrategy:
    """Selection, death, birth and schedule of replacement.

    `mutation_strength` is how far mutations go: noise relative to a parent's weights, unless the
    birth says otherwise. `founders_are_mature`: those that a run begins with may die at once.
    """

    death: DeathRule
    birth: Birth
    mutation_strength: float
    selection: Selection = select_weakest
    schedule: ReplacementSchedule = ReplacementSchedule()
    founders_are_mature: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError for a negative `mutation_strength`."""
        strength = self.mutation_strength
        check("mutation_strength", strength, strength >= 0, "0 or more")

    def check(self, pairs: Sequence[Pair], options: ApoptosisOptions) -> None:
        """Raise ValueError now, not at the first event, for what is not possible there."""
        self.schedule.check(options.interval)
        for pair in pairs:
            self.birth.check(pair)
