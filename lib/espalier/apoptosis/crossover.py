"""Newborns of two parents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Unpack, get_args

import torch
from torch import Tensor, nn

from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.function_preserving import ExactApoptosis, ExactOptions
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.lineage import Op
from espalier.apoptosis.neuron import check, one_of
from espalier.apoptosis.patterns import Names
from espalier.apoptosis.replacement_ops import (
    BirthContext,
    Parents,
    drawn_parents,
    proportions,
    relative_noise,
    settle,
    vectors,
)
from espalier.surgery.pairs import Layer

Mode = Literal["uniform", "fitness_weighted", "random", "mask", "slerp"]
BETWEEN = (0.3, 0.7)
"""The first parent's share in the mode `random`."""
TINY = 1e-12


class CrossoverApoptosis(ExactApoptosis):
    """As the exact strategies, with newborns of two different parents each.

    Parents are drawn in proportion to fitness. Modes: `uniform` takes half of each,
    `fitness_weighted` their share of both fitnesses, `random` a share in [0.3, 0.7] of the first
    and the rest of the second; these sums are as long as the parents are on average. `mask` takes
    each weight from one parent or the other, and `slerp` a random point on the arc between them.
    Where fewer than two live on, newborns are as in the exact strategies.

    Source: the earlier apoptosis code's class of this name.
    Differs: a sum of two nearly orthogonal parents is not left 1.4 times too short; the noise is
    relative to the weights; nobody reads a newborn yet, so its birth changes nothing; `mask` and
    `slerp` are new. Slerp: Shoemake 1985, "Animating rotation with quaternion curves".
    """

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        fitness_metric: Measure = "grad_activation",
        crossover_mode: Mode = "uniform",
        mutation_strength: float = 0.1,
        **options: Unpack[ExactOptions],
    ) -> None:
        """As the exact strategies; `mutation_strength` is relative to the blend's weights."""
        check("crossover_mode", crossover_mode, crossover_mode in MODES, one_of(get_args(Mode)))
        self.crossover_mode: Mode = crossover_mode
        super().__init__(
            *(model, target_layers, prune_rate, apoptosis_interval),
            *(fitness_metric, mutation_strength),
            **options,
        )

    def _regrow_neurons(
        self, layer: Layer, dying_indices: Tensor, healthy_indices: Tensor, fitness: Tensor
    ) -> Parents | None:
        """See the standard strategy."""
        if len(healthy_indices) < 2:
            return super()._regrow_neurons(layer, dying_indices, healthy_indices, fitness)
        cradle = self._cradle(layer, dying_indices, healthy_indices, fitness)
        return _cross(cradle, self.crossover_mode)

    def _welcome(
        self, colony: LayerPopulation, slots: Tensor, parents: Parents | None, op: Op = "birth"
    ) -> None:
        merged = parents is not None and all(len(each) == 2 for each in parents)
        super()._welcome(colony, slots, parents, "merge" if merged else op)


@torch.no_grad()
def _cross(cradle: BirthContext, mode: Mode) -> Parents:
    parents = drawn_parents(cradle, each=2, twice=False)
    weight = cradle.site.pair.producer.weight.detach()
    rows = weight.flatten(1)[parents]  # (n, 2, fan_in)
    share, blend = MODES[mode](cradle, rows, parents)
    blend = blend + cradle.strength * relative_noise(blend, cradle.generator)
    settle(cradle.site, cradle.slots, blend.view(-1, *weight.shape[1:]), parents[:, 0])
    for held in vectors(cradle.site.pair):
        both = held[parents]
        held.index_copy_(0, cradle.slots, torch.lerp(both[:, 1], both[:, 0], share.to(held.dtype)))
    pairs = zip(parents.tolist(), share.tolist(), strict=True)
    return [[(first, part), (second, 1 - part)] for (first, second), part in pairs]


Blend = tuple[Tensor, Tensor]
"""The first parent's shares (n,), and rows (n, fan_in)."""


def _uniform(cradle: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    return _sum(rows, rows.new_full((len(rows),), 0.5))


def _fitness_weighted(cradle: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    chances = cradle.fitness.new_zeros(len(cradle.fitness), dtype=torch.float64)
    chances[cradle.healthy] = proportions(cradle.fitness[cradle.healthy]).to(chances.device)
    both = chances[parents] + TINY
    return _sum(rows, (both[:, 0] / both.sum(1)).to(rows))


def _random(cradle: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    low, high = BETWEEN
    return _sum(rows, low + (high - low) * _drawn(cradle, rows[:, 0, 0]))


def _mask(cradle: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    first = _drawn(cradle, rows[:, 0]) < 0.5
    return first.to(rows.dtype).mean(1), torch.where(first, rows[:, 0], rows[:, 1])


def _slerp(cradle: BirthContext, rows: Tensor, parents: Tensor) -> Blend:
    share = _drawn(cradle, rows[:, 0, 0])
    unit = rows / _lengths(rows)
    angle = (unit[:, 0] * unit[:, 1]).sum(1).clamp(-1, 1).acos()
    angle = angle.clamp(1e-3, torch.pi - 1e-3)  # the arc between equals, or opposites
    parts = torch.stack([share * angle, (1 - share) * angle], 1).sin()
    return share, _as_long((parts.unsqueeze(2) * unit).sum(1), rows)


MODES: dict[Mode, Callable[[BirthContext, Tensor, Tensor], Blend]] = {
    "uniform": _uniform,
    "fitness_weighted": _fitness_weighted,
    "random": _random,
    "mask": _mask,
    "slerp": _slerp,
}


def _sum(rows: Tensor, share: Tensor) -> Blend:
    """`share` (n,) of the first parents' rows and the rest of the second's."""
    return share, _as_long(torch.lerp(rows[:, 1], rows[:, 0], share.unsqueeze(1)), rows)


def _as_long(blend: Tensor, rows: Tensor) -> Tensor:
    """The blend, as long as its parents are on average."""
    scaled: Tensor = blend * (_lengths(rows).mean(1) / _lengths(blend))
    return scaled


def _lengths(rows: Tensor) -> Tensor:
    lengths: Tensor = rows.norm(dim=-1, keepdim=True)
    return lengths.clamp_min(TINY)


def _drawn(cradle: BirthContext, like: Tensor) -> Tensor:
    """Uniform random numbers in [0, 1)."""
    drawn = torch.rand(like.shape, generator=cradle.generator, device=cradle.generator.device)
    return drawn.to(like)
