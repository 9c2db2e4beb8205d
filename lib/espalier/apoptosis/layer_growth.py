"""Layers that only grow, up to a cap; the next layer and the optimizer follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn import functional as F
from typing_extensions import override

from espalier.apoptosis.activation_hooks import Observation
from espalier.apoptosis.apoptosis_options import check
from espalier.apoptosis.layer_population import ROUNDING, LayerPopulation
from espalier.apoptosis.strategy import Replacer, Schedule


@dataclass(frozen=True)
class GrowthOnly(Schedule):
    """No neuron dies; a layer grows by a share of its initial size until it has `max_capacity`.

    `max_capacity` is a multiple of the initial size, 1 or more. At least one neuron is born in a
    layer with room.
    """

    max_capacity: float

    def __post_init__(self) -> None:
        """Raise ValueError for a capacity below 1."""
        check("max_capacity", self.max_capacity, self.max_capacity >= 1, "1 or more")

    @override
    def is_due(self, populations: Sequence[LayerPopulation], rate: float) -> bool:
        return any(self._births(population, rate) for population in populations)

    def _births(self, population: LayerPopulation, rate: float) -> int:
        """Return how many neurons are due in a layer."""
        initial = population.initial_size
        births = rate * population.share * initial
        cap = int(initial * self.max_capacity + ROUNDING)
        return min(max(1, int(births + ROUNDING)), cap - population.size) if births > 0 else 0

    @override
    def begin(
        self, replacer: Replacer, population: LayerPopulation, others: Sequence[LayerPopulation]
    ) -> None:
        count = self._births(population, replacer.rate)
        if count > 0:
            replacer.grow(population, count)
            _widen_observations(population, count, others)


def _widen_observations(
    grown: LayerPopulation, count: int, populations: Sequence[LayerPopulation]
) -> None:
    """Let the layer after, if it grows too, have observed the newborn: they gave it 0."""
    pair = grown.site.pair
    for population in populations:
        if population.site.pair.producer is pair.consumer and population.observation is not None:
            population.observation = _with_zeros(population.observation, count * pair.per)


def _with_zeros(observation: Observation, inputs: int) -> Observation:
    """Add so many inputs of the producer, all 0."""
    planes = isinstance(observation.pair.producer, nn.Conv2d)
    extra = (*(0, 0, 0, 0) * planes, 0, inputs)
    widened: Tensor = F.pad(observation.producer_input, extra)
    return replace(observation, producer_input=widened)
