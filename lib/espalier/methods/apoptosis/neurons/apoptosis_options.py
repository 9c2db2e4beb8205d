"""Options of the managers of neuron apoptosis that do not depend on the strategy, each once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import get_args

import torch

from espalier.methods.apoptosis.neurons.fitness import FitnessMetric
from espalier.methods.apoptosis.neurons.stat_sources import LivePassStats, StatSource
from espalier.surgery.pairs import Pair

MATURITY = 100
"""Steps for which a newborn is not selected, as in the code of Dohare et al. 2024."""


@dataclass(frozen=True)
class ApoptosisOptions:
    """When events come, how many neurons they replace, and how neurons are scored.

    `rate`: share of a layer's neurons replaced at an event, in [0, 1). `interval`: steps from one
    event to the next. `optimizer`: its state follows the neurons; without it, newborns inherit the
    state of the dead. `generator`: of all random decisions, on the CPU; by default one with seed 0.
    `maturity`: steps for which a newborn is not selected. `decay`: of the running average of
    fitness over events, in [0, 1). `invert`: the fittest die, as a control. `anneal_steps`: the
    rate falls along half a cosine to nothing at this step (0: it stays as it is). `shares`: what
    the rate is multiplied with, by layer. `stat_source`: where neurons are observed; by default in
    the passes of the training loop.
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
    stat_source: Callable[[list[Pair]], StatSource] = LivePassStats

    def __post_init__(self) -> None:
        """Raise ValueError for anything out of range."""
        check("rate", self.rate, 0 <= self.rate < 1, "in [0, 1)")
        check("interval", self.interval, self.interval >= 1, "1 or more")
        check_choice("fitness_metric", self.fitness_metric, get_args(FitnessMetric))

    def is_event_step(self, step: int) -> bool:
        """Return whether an event may begin at `step` (1 is the first)."""
        return step % self.interval == 0 and self.rate_at(step) > 0

    def rate_at(self, step: int) -> float:
        """Return the share of neurons to replace at `step`.

        Source: the cosine of Evci et al. 2020, "Rigging the Lottery", arXiv:1911.11134.
        """
        if not self.anneal_steps:
            return self.rate
        return self.rate * 0.5 * (1 + math.cos(math.pi * min(step / self.anneal_steps, 1.0)))


def check(name: str, value: object, holds: bool, rule: str) -> None:
    """Raise ValueError, with the rule, unless it `holds` for the argument `name`."""
    if not holds:
        raise ValueError(f"{name}={value!r}: must be {rule}")


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    names = [str(choice) for choice in choices]
    check(name, value, value in names, f"one of {', '.join(names)}")
