"""A strategy of neuron apoptosis as a value: who dies, what becomes of it, what is born, and when.

A strategy holds no state: what changes while a network trains is in its `LayerPopulation`s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from espalier.apoptosis.apoptosis_options import ApoptosisOptions, check
from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.lineage import Op
from espalier.apoptosis.replacement_ops import BirthContext, Parents
from espalier.surgery.death import Substitute
from espalier.surgery.pairs import Pair


@dataclass(frozen=True)
class Selected:
    """Slots (n,) of neurons that are to die.

    `fold` computes what the survivors can do in their stead, where the selection knows a short way.
    """

    slots: Tensor
    fold: Callable[[], Substitute] | None = None


Selection = Callable[[LayerPopulation, int], Selected]
"""Select up to so many mature neurons of a layer."""

Death = Callable[[BirthContext, Selected], Tensor | None]
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


class Replacer(Protocol):
    """What a schedule may let happen in a layer; see `event_runner`."""

    @property
    def step(self) -> int:
        """The update that has just been done."""
        ...

    @property
    def rate(self) -> float:
        """The share of neurons to replace at this step."""
        ...

    def select(self, population: LayerPopulation) -> Selected:
        """Select the neurons whose turn it is to die."""
        ...

    def replace(self, population: LayerPopulation, selected: Selected) -> None:
        """Death and birth in the slots of `selected`."""
        ...

    def grow(self, population: LayerPopulation, count: int) -> None:
        """Births in `count` new slots behind the last."""
        ...


@dataclass(frozen=True)
class Schedule:
    """When the neurons of a layer are replaced: all at once, at the event."""

    def check(self, interval: int) -> None:
        """Raise ValueError if an event takes longer than it is until the next."""

    def is_due(self, populations: Sequence[LayerPopulation], rate: float) -> bool:
        """Whether anything would happen at an event with this `rate`, above 0."""
        return True

    def is_ending(self, population: LayerPopulation, step: int) -> bool:
        """Whether an event that began before ends at `step`."""
        return False

    def advance(self, replacer: Replacer, population: LayerPopulation) -> None:
        """Go on with an event that began before, if there is one."""

    def begin(
        self, replacer: Replacer, population: LayerPopulation, others: Sequence[LayerPopulation]
    ) -> None:
        """Begin the event of one layer; `others` are all layers."""
        selected = replacer.select(population)
        if len(selected.slots):
            replacer.replace(population, selected)


def weakest(population: LayerPopulation, count: int) -> Selected:
    """Select the mature neurons with the lowest fitness."""
    return Selected(population.fitness_ema.weakest(count))


@dataclass(frozen=True)
class Strategy:
    """Which neurons die, how they leave, what is born in their place, and when.

    `mutation_strength` is how far mutations go: noise relative to a parent's weights, unless the
    birth says otherwise.
    """

    death: Death
    birth: Birth
    mutation_strength: float
    selection: Selection = weakest
    schedule: Schedule = Schedule()

    def __post_init__(self) -> None:
        """Raise ValueError for a negative `mutation_strength`."""
        strength = self.mutation_strength
        check("mutation_strength", strength, strength >= 0, "0 or more")

    def check(self, pairs: Sequence[Pair], options: ApoptosisOptions) -> None:
        """Raise ValueError now, not at the first event, for what is not possible there."""
        self.schedule.check(options.interval)
        for pair in pairs:
            self.birth.check(pair)
