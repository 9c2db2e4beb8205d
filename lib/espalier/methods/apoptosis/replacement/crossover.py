"""Newborns of two parents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from typing_extensions import override

from espalier.core.arguments import check_choice
from espalier.methods.apoptosis.neurons.apoptosis_strategy import Birth
from espalier.methods.apoptosis.neurons.lineage import Op
from espalier.methods.apoptosis.neurons.replacement_ops import (
    BirthContext,
    Parents,
    place_like,
    proportions,
    relative_noise,
    sample_parents,
)
from espalier.surgery.pairing.pairs import Pair

Mode = Literal["uniform", "fitness_weighted", "random", "mask", "slerp"]
SHARE_RANGE = (0.3, 0.7)
"""The first parent's share in the mode `random`."""
TINY = 1e-12


@dataclass(frozen=True)
class CrossoverBirth(Birth):
    """Newborns of two different parents each, drawn in proportion to fitness.

    Modes: `uniform` takes half of each, `fitness_weighted` their share of both fitnesses, `random`
    a share in [0.3, 0.7] of the first and the rest of the second; these sums are as long as the
    parents are on average. `mask` takes each weight from one parent or the other, and `slerp` a
    random point on the arc between them. Where fewer than two live on, `otherwise` is born.
    """

    mode: Mode
    otherwise: Birth

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown mode."""
        check_choice("crossover_mode", self.mode, get_args(Mode))

    @override
    def check(self, pair: Pair) -> None:
        self.otherwise.check(pair)

    @override
    def create(self, context: BirthContext) -> Parents | None:
        if len(context.healthy) < 2:
            return self.otherwise.create(context)
        return _cross(context, self.mode)

    @override
    def op(self, parents: Parents | None) -> Op:
        merged = parents is not None and all(len(each) == 2 for each in parents)
        return "merge" if merged else self.otherwise.op(parents)


@torch.no_grad()
def _cross(context: BirthContext, mode: Mode) -> Parents:
    parents = sample_parents(context, each=2, replacement=False)
    weight = context.weight
    rows = weight[parents]  # (n, 2, fan_in)
    share, blend = MODES[mode](context, rows, parents)
    blend = blend + context.strength * relative_noise(blend, context.generator)
    place_like(context.site, context.slots, blend, parents[:, 0])
    for vector in context.site.pair.vectors():
        both = vector[parents]
        blended = torch.lerp(both[:, 1], both[:, 0], share.to(vector.dtype))
        vector.index_copy_(0, context.slots, blended)
    pairs = zip(parents.tolist(), share.tolist(), strict=True)
    return [[(first, part), (second, 1 - part)] for (first, second), part in pairs]


Blend = tuple[Tensor, Tensor]
"""The first parent's shares (n,), and rows (n, fan_in)."""


def _uniform(context: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    return _sum(rows, rows.new_full((len(rows),), 0.5))


def _fitness_weighted(context: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    chances = context.fitness.new_zeros(len(context.fitness), dtype=torch.float64)
    chances[context.healthy] = proportions(context.fitness[context.healthy]).to(chances.device)
    both = chances[parents] + TINY
    return _sum(rows, (both[:, 0] / both.sum(1)).to(rows))


def _random(context: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    low, high = SHARE_RANGE
    return _sum(rows, low + (high - low) * _uniform_like(context, rows[:, 0, 0]))


def _mask(context: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    first = _uniform_like(context, rows[:, 0]) < 0.5
    return first.to(rows.dtype).mean(1), torch.where(first, rows[:, 0], rows[:, 1])


def _slerp(context: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    share = _uniform_like(context, rows[:, 0, 0])
    unit = rows / _lengths(rows)
    angle = (unit[:, 0] * unit[:, 1]).sum(1).clamp(-1, 1).acos()
    angle = angle.clamp(1e-3, torch.pi - 1e-3)  # the arc between equals, or opposites
    parts = torch.stack([share * angle, (1 - share) * angle], 1).sin()
    return share, _rescale((parts.unsqueeze(2) * unit).sum(1), rows)


MODES: dict[Mode, Callable[[BirthContext, Tensor, Tensor], Blend]] = {
    "uniform": _uniform,
    "fitness_weighted": _fitness_weighted,
    "random": _random,
    "mask": _mask,
    "slerp": _slerp,
}


def _sum(rows: Tensor, share: Tensor) -> Blend:
    """Add `share` (n,) of the first parents' rows and the rest of the second's."""
    return share, _rescale(torch.lerp(rows[:, 1], rows[:, 0], share.unsqueeze(1)), rows)


def _rescale(blend: Tensor, rows: Tensor) -> Tensor:
    """Make a blend as long as its parents are on average."""
    scaled: Tensor = blend * (_lengths(rows).mean(1) / _lengths(blend))
    return scaled


def _lengths(rows: Tensor) -> Tensor:
    lengths: Tensor = rows.norm(dim=-1, keepdim=True)
    return lengths.clamp_min(TINY)


def _uniform_like(context: BirthContext, like: Tensor) -> Tensor:
    """Draw uniform random numbers in [0, 1)."""
    drawn = torch.rand(like.shape, generator=context.generator, device=context.generator.device)
    return drawn.to(like)
