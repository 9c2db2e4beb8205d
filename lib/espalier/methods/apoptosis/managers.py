"""The managers that users' documents name: `ApoptosisManager` with a strategy each.

Beside the arguments in its signature each takes, by name, those of its strategy in `strategies`
(`mutation_strength`, and perhaps `death` and `birth`) and the fields of `ApoptosisOptions`. Raises
ValueError for anything out of range, and TypeError for a name that is none of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import Any, ClassVar, TypedDict, Unpack

import torch
from torch import nn

from espalier.core.arguments import check_names
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
from espalier.sparse.processes import Group
from espalier.surgery.pairing.pair_names import PairNames
from espalier.surgery.pairing.pairs import Pair


class ManagerOptions(TypedDict, total=False):
    """Arguments by name: fields of `ApoptosisOptions`, and those that a strategy has."""

    fitness_metric: FitnessMetric
    optimizer: torch.optim.Optimizer | None
    generator: torch.Generator | None
    maturity: int
    decay: float
    invert: bool
    anneal_steps: int
    shares: Mapping[str, float]
    stat_source: Callable[[list[Pair]], StatSource]
    process_group: Group
    pairs: PairNames | None
    example: Any
    mutation_strength: float
    death: DeathKind
    birth: BirthKind
    regrowth_strategy: Regrowth
    preservation_steps: int
    fade_steps: int
    crossover_mode: Mode
    orthogonal_selection: bool
    orthogonal_birth: bool
    distillation_steps: int


_SHARED = {field.name for field in fields(ApoptosisOptions)}


def _parts(
    manager: ApoptosisManager,
    build: Callable[..., ApoptosisStrategy],
    rate: float,
    interval: int,
    options: Mapping[str, Any],
) -> tuple[ApoptosisStrategy, ApoptosisOptions]:
    """Return the strategy that `build` makes of its arguments, and the options."""
    check_names(type(manager), options, ManagerOptions.__annotations__)
    own = {name: value for name, value in options.items() if name not in _SHARED}
    shared = {name: value for name, value in options.items() if name in _SHARED}
    return build(**own), ApoptosisOptions(rate, interval, **shared)


class NeuronApoptosisManager(ApoptosisManager):
    """The strategy `standard`: zero the least fit, let mutations of the fit take their slots.

    A share `prune_rate` of each layer is replaced every `apoptosis_interval` steps. To write a
    strategy of your own, derive a class and override `_regrow_neurons`.
    """

    build: ClassVar[Callable[..., ApoptosisStrategy]] = staticmethod(strategies.standard)

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        **options: Unpack[ManagerOptions],
    ) -> None:
        parts = _parts(self, self.build, prune_rate, apoptosis_interval, options)
        super().__init__(model, target_layers, *parts)


class FunctionalPreservationApoptosis(NeuronApoptosisManager):
    """The strategy `functional_preservation`: survivors take over within `preservation_steps`."""

    build = staticmethod(strategies.functional_preservation)


class GradualFadeApoptosis(NeuronApoptosisManager):
    """The strategy `gradual_fade`: the dying fade to their mean within `fade_steps`."""

    build = staticmethod(strategies.gradual_fade)


class ContinuousTurnoverApoptosis(NeuronApoptosisManager):
    """The strategy `turnover`: few neurons at a time, often."""

    build = staticmethod(strategies.turnover)

    def __init__(
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.02,
        apoptosis_interval: int = 100,
        **options: Unpack[ManagerOptions],
    ) -> None:
        super().__init__(model, target_layers, prune_rate, apoptosis_interval, **options)


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
        parts = _parts(self, strategies.hybrid, turnover_rate, interval, options)
        super().__init__(model, target_layers, *parts)

    @property
    def apoptosis_mgr(self) -> ApoptosisManager:
        """This manager, under the name that the earlier code had for the one within."""
        return self


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
        parts = _parts(self, build, growth_rate, growth_interval, options)
        super().__init__(model, target_layers, *parts)


class CrossoverApoptosis(NeuronApoptosisManager):
    """The strategy `crossover`: newborns of two parents."""

    build = staticmethod(strategies.crossover)


class OrthogonalApoptosis(NeuronApoptosisManager):
    """The strategy `orthogonal`: `orthogonal_selection`, `orthogonal_birth`, by default both."""

    @staticmethod
    def build(
        orthogonal_selection: bool = True, orthogonal_birth: bool = True, **own: Any
    ) -> ApoptosisStrategy:
        """Return the strategy. Raises ValueError if neither part is orthogonal."""
        rule = "True, if orthogonal_selection is False"
        check("orthogonal_birth", orthogonal_birth, orthogonal_selection or orthogonal_birth, rule)
        if orthogonal_selection and orthogonal_birth:
            return strategies.orthogonal("both", **own)
        return strategies.orthogonal("selection" if orthogonal_selection else "birth", **own)


class DistillationApoptosis(NeuronApoptosisManager):
    """The strategy `distillation`: newborns are distilled from the dying."""

    @staticmethod
    def build(**own: Any) -> ApoptosisStrategy:
        """Return the strategy. Raises ValueError for `death` and `birth`."""
        for name in own.keys() & {"death", "birth"}:
            check(name, own[name], False, "left out: it is what this does")
        return strategies.distillation(**own)
