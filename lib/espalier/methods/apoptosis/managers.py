"""The managers that users' documents name: `ApoptosisManager` with a strategy each.

Beside the arguments in its signature each takes, by name, those of its strategy in `strategies`
(`mutation_strength`, and perhaps `death` and `birth`) and the fields of `ApoptosisOptions`. Raises
ValueError for anything out of range, and TypeError for a name that is none of these.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypedDict, Unpack

import torch
from torch import nn

from espalier.methods.apoptosis import strategies
from espalier.methods.apoptosis.apoptosis_manager import ApoptosisManager
from espalier.methods.apoptosis.neurons.apoptosis_strategy import (
    ApoptosisOptions,
    ApoptosisStrategy,
    check,
)
from espalier.methods.apoptosis.neurons.fitness import FitnessMetric
from espalier.methods.apoptosis.neurons.layer_patterns import Names
from espalier.methods.apoptosis.neurons.replacement_ops import BirthKind
from espalier.methods.apoptosis.neurons.stat_sources import StatSource
from espalier.methods.apoptosis.replacement.crossover import Mode
from espalier.methods.apoptosis.replacement.function_preserving import DeathKind
from espalier.methods.apoptosis.replacement.overwriting import Regrowth
from espalier.surgery.pairs import Pair


class ManagerOptions(TypedDict, total=False):
    """Arguments of managers by name: fields of `ApoptosisOptions`, and arguments of a strategy."""

    fitness_metric: FitnessMetric
    optimizer: torch.optim.Optimizer | None
    generator: torch.Generator | None
    maturity: int
    decay: float
    invert: bool
    anneal_steps: int
    shares: Mapping[str, float]
    stat_source: Callable[[list[Pair]], StatSource]
    mutation_strength: float
    death: DeathKind
    birth: BirthKind
    regrowth_strategy: Regrowth


def _parts(
    build: Callable[..., ApoptosisStrategy], rate: float, interval: int, options: Mapping[str, Any]
) -> tuple[ApoptosisStrategy, ApoptosisOptions]:
    """Return the strategy that `build` makes of its arguments among `options`, and the rest."""
    own = inspect.signature(build).parameters.keys() & options.keys()
    rest = {name: value for name, value in options.items() if name not in own}
    return build(**{name: options[name] for name in own}), ApoptosisOptions(rate, interval, **rest)


class NeuronApoptosisManager(ApoptosisManager):
    """The strategy `standard`: zero the least fit, let mutations of the fit take their slots.

    A share `prune_rate` of each layer is replaced every `apoptosis_interval` steps. To write a
    strategy of your own, derive a class and override `_regrow_neurons`.
    """

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        **options: Unpack[ManagerOptions],
    ) -> None:
        parts = _parts(strategies.standard, prune_rate, apoptosis_interval, options)
        super().__init__(model, target_layers, *parts)


class FunctionalPreservationApoptosis(ApoptosisManager):
    """The strategy `functional_preservation`: survivors take over within `preservation_steps`."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        *,
        preservation_steps: int = 50,
        **options: Unpack[ManagerOptions],
    ) -> None:
        build = partial(strategies.functional_preservation, preservation_steps)
        parts = _parts(build, prune_rate, apoptosis_interval, options)
        super().__init__(model, target_layers, *parts)


class GradualFadeApoptosis(ApoptosisManager):
    """The strategy `gradual_fade`: what the dying do fades to its mean within `fade_steps`."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        *,
        fade_steps: int = 50,
        **options: Unpack[ManagerOptions],
    ) -> None:
        build = partial(strategies.gradual_fade, fade_steps)
        parts = _parts(build, prune_rate, apoptosis_interval, options)
        super().__init__(model, target_layers, *parts)


class ContinuousTurnoverApoptosis(ApoptosisManager):
    """The strategy `turnover`: few neurons at a time, often."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.02,
        apoptosis_interval: int = 100,
        **options: Unpack[ManagerOptions],
    ) -> None:
        parts = _parts(strategies.turnover, prune_rate, apoptosis_interval, options)
        super().__init__(model, target_layers, *parts)


class HybridGrowthAndDeath(ApoptosisManager):
    """The strategy `hybrid`: a share `turnover_rate` dies, and as many of the fittest divide."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        turnover_rate: float = 0.05,
        interval: int = 500,
        **options: Unpack[ManagerOptions],
    ) -> None:
        parts = _parts(strategies.hybrid, turnover_rate, interval, options)
        super().__init__(model, target_layers, *parts)


class GrowthOnlyManager(ApoptosisManager):
    """The strategy `growth_only`: `growth_rate` and `max_capacity` are of the initial size."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        growth_rate: float = 0.1,
        growth_interval: int = 500,
        max_capacity: float = 1.5,
        **options: Unpack[ManagerOptions],
    ) -> None:
        build = partial(strategies.growth_only, max_capacity)
        parts = _parts(build, growth_rate, growth_interval, options)
        super().__init__(model, target_layers, *parts)


class CrossoverApoptosis(ApoptosisManager):
    """The strategy `crossover`: newborns of two parents."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        *,
        crossover_mode: Mode = "uniform",
        **options: Unpack[ManagerOptions],
    ) -> None:
        build = partial(strategies.crossover, crossover_mode)
        parts = _parts(build, prune_rate, apoptosis_interval, options)
        super().__init__(model, target_layers, *parts)


class OrthogonalApoptosis(ApoptosisManager):
    """The strategy `orthogonal`: a set of neurons that is diverse as well as fit."""

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        *,
        orthogonal_selection: bool = True,
        orthogonal_birth: bool = True,
        **options: Unpack[ManagerOptions],
    ) -> None:
        chosen = strategies.orthogonal_parts(orthogonal_selection, orthogonal_birth)
        build = partial(strategies.orthogonal, chosen)
        parts = _parts(build, prune_rate, apoptosis_interval, options)
        super().__init__(model, target_layers, *parts)


class DistillationApoptosis(ApoptosisManager):
    """The strategy `distillation`: newborns are distilled from the dying."""

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        *,
        distillation_steps: int = 10,
        **options: Unpack[ManagerOptions],
    ) -> None:
        for name in ("death", "birth"):
            check(name, options.get(name), name not in options, "left out: it is what this does")
        build = partial(strategies.distillation, distillation_steps)
        parts = _parts(build, prune_rate, apoptosis_interval, options)
        super().__init__(model, target_layers, *parts)
