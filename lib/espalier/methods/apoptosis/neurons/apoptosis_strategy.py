"""A strategy of neuron apoptosis as a value: who dies, what becomes of it, what is born, and when.

A strategy holds no state: what changes while a network trains is in its `LayerPopulation`s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from espalier.methods.apoptosis.neurons.apoptosis_options import ApoptosisOptions, check
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.methods.apoptosis.neurons.lineage import Op
from espalier.methods.apoptosis.neurons.replacement_ops import BirthContext, Parents
from espalier.surgery.death import Substitute
from espalier.surgery.pairs import Pair


@dataclass(frozen=True)
class Selected:
    """Slots (n,) of neurons that are to die, or of none yet if they are `vacant`.

    `fold` computes what the survivors can do in their stead, where the selection knows a short way.
    """

    slots: Tensor
    fold: Callable[[], Substitute] | None = None
    vacant: bool = False


Selection = Callable[[LayerPopulation, int], Selected]
"""Select up to so many neurons of a layer."""

DeathRule = Callable[[BirthContext, Selected], Tensor | None]
"""Silence the selected, in whose slots others are about to be born.

Returns the damage to what the layer after puts out, if known.
"""


@dataclass(frozen=True)
class Birth:
    """What is born into empty slots."""

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
    """How many neurons of a layer are replaced, and when: all at once, at the event."""

    def check(self, interval: int) -> None:
        """Raise ValueError if an event takes longer than it is until the next."""

    def is_due(self, populations: Sequence[LayerPopulation], rate: float) -> bool:
        """Return whether an event with this `rate`, above 0, would replace any neuron."""
        return True

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


def select_weakest(population: LayerPopulation, count: int) -> Selected:
    """Select the mature neurons with the lowest fitness."""
    return Selected(population.fitness_ema.weakest(count))


@dataclass(frozen=True)
class ApoptosisStrategy:
    """Which neurons die, how they leave, what is born in their place, and when.

    `mutation_strength` is how far mutations go: noise relative to a parent's weights, unless the
    birth says otherwise.
    """

    death: DeathRule
    birth: Birth
    mutation_strength: float
    selection: Selection = select_weakest
    schedule: ReplacementSchedule = ReplacementSchedule()

    def __post_init__(self) -> None:
        """Raise ValueError for a negative `mutation_strength`."""
        strength = self.mutation_strength
        check("mutation_strength", strength, strength >= 0, "0 or more")

    def check(self, pairs: Sequence[Pair], options: ApoptosisOptions) -> None:
        """Raise ValueError now, not at the first event, for what is not possible there."""
        self.schedule.check(options.interval)
        for pair in pairs:
            self.birth.check(pair)
