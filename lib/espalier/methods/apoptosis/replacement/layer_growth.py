"""Layers that only grow, up to a cap; the next layer and the optimizer follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from espalier.methods.apoptosis.neurons.activation_hooks import Observation
from espalier.methods.apoptosis.neurons.apoptosis_options import check
from espalier.methods.apoptosis.neurons.apoptosis_strategy import ReplacementSchedule, Selected
from espalier.methods.apoptosis.neurons.layer_population import ROUNDING, LayerPopulation
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


def append_slots(population: LayerPopulation, count: int) -> Selected:
    """Add `count` empty slots behind the last neuron of a layer; none dies."""
    pair = population.site.pair
    if count <= 0:
        return Selected(torch.arange(0, device=pair.producer.weight.device), vacant=True)
    slots = widen(population.site, count)
    population.fitness_ema.grow(count)
    reader = population.reader
    if reader is not None and reader.observation is not None:  # the newborn gave it nothing
        reader.observation = _with_zeros(reader.observation, count * pair.per)
    return Selected(slots, vacant=True)


def _with_zeros(observation: Observation, inputs: int) -> Observation:
    """Add so many inputs of the producer, all 0."""
    planes = isinstance(observation.pair.producer, nn.Conv2d)
    extra = (*(0, 0, 0, 0) * planes, 0, inputs)
    widened: Tensor = F.pad(observation.producer_input, extra)
    return replace(observation, producer_input=widened)
