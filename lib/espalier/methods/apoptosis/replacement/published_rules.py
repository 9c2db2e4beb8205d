"""Who dies, when and how under continual backpropagation and under ReDo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from typing_extensions import override

from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    ReplacementSchedule,
    Selected,
    check,
)
from espalier.methods.apoptosis.neurons.layer_population import ROUNDING, LayerPopulation
from espalier.methods.apoptosis.neurons.replacement_ops import BirthContext
from espalier.methods.apoptosis.replacement.function_preserving import silence
from espalier.surgery import death


@dataclass(frozen=True)
class ShareOfMature(ReplacementSchedule):
    """At each step a share of those neurons that are mature; parts are carried over.

    Source: Dohare et al. 2024, Nature 632, algorithm 1.
    """

    @override
    def is_judging(self, populations: Sequence[LayerPopulation], rate: float) -> bool:
        return True

    @override
    def is_due(self, populations: Sequence[LayerPopulation], rate: float) -> bool:
        return any(self._due(population, rate) >= 1 for population in populations)

    def _due(self, population: LayerPopulation, rate: float) -> float:
        """Return how many neurons, and parts of one, are owed at the coming step."""
        ema = population.fitness_ema
        mature = int((ema.age + 1 >= ema.maturity).sum())
        return rate * population.share * mature + population.owed + ROUNDING

    @override
    def count(self, population: LayerPopulation, rate: float) -> int:
        return population.quota(rate, int(population.fitness_ema.mature.sum()))


@dataclass(frozen=True)
class BelowThreshold(ReplacementSchedule):
    """All mature neurons whose fitness is at most `threshold` times the layer's mean.

    Of layers that take part less or more, that share of the threshold.

    Source: Sokar et al. 2023, arXiv 2302.12902, equation 1 and algorithm 1.
    """

    threshold: float

    def __post_init__(self) -> None:
        """Raise ValueError for a negative threshold."""
        check("threshold", self.threshold, self.threshold >= 0, "0 or more")

    @override
    def count(self, population: LayerPopulation, rate: float) -> int:
        ema = population.fitness_ema
        dormant = ema.fitness <= self.threshold * population.share * ema.fitness.mean()
        return int((dormant & ema.mature).sum())


@torch.no_grad()
def fold_running_mean(context: BirthContext, selected: Selected) -> Tensor:
    """Move the running mean of what the selected do to the next bias, and silence them."""
    population, slots = context.population, selected.slots
    pair, statistics = population.site.pair, population.observed.statistics
    usual = population.fitness_ema.activation[slots].flatten().to(statistics.mean)
    mean = death.substitute_mean(pair, slots, statistics)
    missed = statistics.mean[pair.columns(slots)] - usual
    rest = mean.rest + torch.outer(missed, missed)
    return silence(context, replace(mean, constant=usual, rest=rest))
