"""Schedules of replacement: growth up to a cap, and events that take several steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import override

from espalier.methods.apoptosis.neurons.activation_hooks import NeuronObservation
from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    ReplacementSchedule,
    Selected,
    check,
)
from espalier.methods.apoptosis.neurons.layer_population import (
    ROUNDING,
    FadingNeurons,
    LayerPopulation,
)
from espalier.methods.apoptosis.replacement.function_preserving import SubstitutedDeath
from espalier.surgery.death import hand_over
from espalier.surgery.resize import widen


@dataclass(frozen=True)
class CapacityGrowth(ReplacementSchedule):
    """A layer grows by a share of its initial size at each event, until it has `max_capacity`.

    `max_capacity` is a multiple of the initial size, 1 or more. At least one neuron is born in a
    layer with room.
    """

    max_capacity: float

    def __post_init__(self) -> None:
        """Raise ValueError for a capacity below 1."""
        check("max_capacity", self.max_capacity, self.max_capacity >= 1, "1 or more")

    @override
    def is_due(self, populations: Sequence[LayerPopulation], rate: float) -> bool:
        return any(self.count(population, rate) for population in populations)

    @override
    def count(self, population: LayerPopulation, rate: float) -> int:
        initial = population.initial_size
        births = rate * population.share * initial
        cap = int(initial * self.max_capacity + ROUNDING)
        return min(max(1, int(births + ROUNDING)), cap - population.size) if births > 0 else 0


def append_slots(population: LayerPopulation, count: int, generator: torch.Generator) -> Selected:
    """Add `count` empty slots behind the last neuron of a layer; none dies."""
    pair = population.site.pair
    if count <= 0:
        return Selected(torch.arange(0, device=pair.device), vacant=True)
    slots = widen(population.site, count)
    population.fitness_ema.grow(count)
    reader = population.reader
    if reader is not None and reader.observation is not None:  # the newborn gave it nothing
        reader.observation = _with_zeros(reader.observation, count * pair.per)
    return Selected(slots, vacant=True)


def _with_zeros(observation: NeuronObservation, inputs: int) -> NeuronObservation:
    """Add so many inputs of the producer, all 0."""
    extra = (*(0, 0) * observation.pair.map_dims[0], 0, inputs)
    widened: Tensor = F.pad(observation.producer_input, extra)
    return replace(observation, producer_input=widened)


@dataclass(frozen=True)
class GradualReplacement(ReplacementSchedule):
    """The selected lose their influence over `steps` steps (0: at once).

    Equal parts of what they did are handed over after each update. At the end, what is left dies
    as it would at once, observed anew, and others are born into the slots. `argument` is what users
    call `steps`.
    """

    steps: int
    death: SubstitutedDeath
    argument: str

    @override
    def check(self, interval: int) -> None:
        rule = f"in [0, {interval}), shorter than apoptosis_interval"
        check(self.argument, self.steps, 0 <= self.steps < interval, rule)

    def _left(self, fade: FadingNeurons, step: int) -> int:
        """Return the steps from `step` to the end of a fade."""
        return fade.start + self.steps - step

    @override
    def is_ending(self, population: LayerPopulation, step: int) -> bool:
        return population.fade is not None and self._left(population.fade, step) <= 0

    @override
    def advance(self, population: LayerPopulation, step: int) -> Selected | None:
        fade = population.fade
        if fade is None:
            return None
        left = self._left(fade, step)
        if left > 0:
            hand_over(population.site, fade.substitute, 1 / (left + 1))
            return None
        population.fade = None
        return Selected(fade.substitute.dead)

    @override
    def begin(self, population: LayerPopulation, selected: Selected, step: int) -> Selected | None:
        if self.steps == 0:
            return selected
        population.fade = FadingNeurons(step, self.death.substitute(population, selected.slots))
        return None
