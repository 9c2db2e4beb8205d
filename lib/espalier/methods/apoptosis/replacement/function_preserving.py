"""Replacement that leaves what the network knows: deaths are made up for, births change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor
from typing_extensions import override

from espalier.core.arguments import check_choice
from espalier.methods.apoptosis.neurons.apoptosis_strategy import Birth, Selected
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.methods.apoptosis.neurons.lineage import Op
from espalier.methods.apoptosis.neurons.replacement_ops import (
    BIRTHS,
    BirthContext,
    BirthKind,
    Parents,
)
from espalier.surgery import death, gradmax
from espalier.surgery.death import Substitute
from espalier.surgery.pairing.pairs import Pair

DeathKind = Literal["fold", "mean", "zero"]
DEATHS: dict[DeathKind, death.SubstituteRule] = {
    "fold": death.substitute_survivors,
    "mean": death.substitute_mean,
    "zero": death.substitute_nothing,
}


@dataclass(frozen=True)
class SubstitutedDeath:
    """Something stands in for the dead: the survivors (`fold`), their `mean`, or nothing."""

    kind: DeathKind

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown kind."""
        check_choice("death", self.kind, get_args(DeathKind))

    def substitute(self, population: LayerPopulation, dying: Tensor) -> Substitute:
        """Return what stands in for the neurons `dying` (n,)."""
        return DEATHS[self.kind](population.site.pair, dying, population.observed.statistics)

    def __call__(self, context: BirthContext, selected: Selected) -> Tensor:
        """Silence the selected and return the damage to the layer after."""
        if self.kind == "fold" and selected.fold is not None:
            return silence(context, selected.fold())
        return silence(context, self.substitute(context.population, selected.slots))


def silence(context: BirthContext, substitute: Substitute) -> Tensor:
    """Let the substitute do what the dying do; return the damage to the layer after."""
    damage = death.kill(context.site, substitute)
    norm = context.site.pair.norm
    if norm is not None and norm.weight is not None:
        # under a scale of 0, births that write a layer's rows alone would have no effect
        norm.weight.index_fill_(0, substitute.dead, 1.0)
    return damage


@dataclass(frozen=True)
class PreservingBirth(Birth):
    """A birth that changes nothing at first: the dead are not read any more.

    `fittest_divide`: a `split` has its parents among as many of the fittest as there are births.
    """

    kind: BirthKind
    fittest_divide: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown kind."""
        check_choice("birth", self.kind, get_args(BirthKind))

    @override
    def check(self, pair: Pair) -> None:
        if self.kind == "gradmax":
            gradmax.check_pair(pair)

    @override
    def create(self, context: BirthContext) -> Parents | None:
        if self.fittest_divide and self.kind == "split":
            context = context.with_fittest_parents()
        return BIRTHS[self.kind](context)

    @override
    def op(self, parents: Parents | None) -> Op:
        return "split" if parents is not None and self.kind == "split" else "birth"
