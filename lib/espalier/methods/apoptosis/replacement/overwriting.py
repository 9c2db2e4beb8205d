"""Replacement that overwrites: what makes the dying is zeroed, what reads them stays.

The newborn enter with the influence of the dead, so an event changes what the network does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.arguments import check_choice
from espalier.methods.apoptosis.neurons.apoptosis_strategy import Birth, Selected
from espalier.methods.apoptosis.neurons.replacement_ops import (
    BirthContext,
    Parents,
    sample_parents,
    single_parents,
)
from espalier.surgery.birth import draw_incoming

Regrowth = Literal["mutation", "random", "clone"]


def zero_incoming(context: BirthContext, selected: Selected) -> None:
    """Zero the weights and biases that make the dying, and reset their optimizer state."""
    for parameter, dim in _producer_slices(context):
        parameter.index_fill_(dim, selected.slots, 0.0)
    context.site.reset_state(selected.slots)


def _producer_slices(context: BirthContext) -> list[tuple[Tensor, int]]:
    """Return weights and biases that make the neurons, and the dimension of a neuron's slice."""
    pair = context.site.pair
    own = {id(p) for layer in pair.producers for p in (layer.weight, layer.bias)}
    return [(p, dim) for p, dim in pair.slices() if id(p) in own]


@dataclass(frozen=True)
class OverwritingBirth(Birth):
    """Write what makes a neuron; whatever read the dead reads the newborn."""

    kind: Regrowth

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown kind."""
        check_choice("regrowth_strategy", self.kind, REGROWTHS)

    @override
    def create(self, context: BirthContext) -> Parents | None:
        return REGROWTHS[self.kind](context)


def _fresh_rows(context: BirthContext) -> None:
    pair, slots, law = context.site.pair, context.slots, context.population.law
    pair.write_incoming(slots, draw_incoming(pair, len(slots), context.generator, law))


def _noisy_copies(context: BirthContext) -> Parents:
    """Copy survivors drawn in proportion to fitness, with noise of a fixed size."""
    parents = sample_parents(context)[:, 0]
    _copy(context, parents, context.strength)
    return single_parents(parents)


def _copies_of_fittest(context: BirthContext) -> Parents:
    best = context.healthy[context.fitness[context.healthy].argmax()].expand(len(context.slots))
    _copy(context, best, 0.0)
    return single_parents(best)


def _copy(context: BirthContext, parents: Tensor, noise: float) -> None:
    for parameter, dim in _producer_slices(context):
        rows = parameter.transpose(0, dim).index_select(0, parents)
        random = torch.randn(rows.shape, generator=context.generator).to(rows)
        parameter.transpose(0, dim).index_copy_(0, context.slots, rows + noise * random)


REGROWTHS: dict[Regrowth, Callable[[BirthContext], Parents | None]] = {
    "mutation": _noisy_copies,
    "random": _fresh_rows,
    "clone": _copies_of_fittest,
}
