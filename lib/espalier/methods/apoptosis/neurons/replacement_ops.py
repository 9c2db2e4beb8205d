"""Operations on single neurons that strategies are composed of: births by kind, and their parts.

Births (`BIRTHS`) leave the network as it is: a newborn is not read yet, or cancels another, or
takes over part of what its parent did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.surgery import birth
from espalier.surgery.edit_context import EditContext
from espalier.surgery.gradmax import gradmax

BirthKind = Literal["mutation", "fresh", "split", "signed", "gradmax"]
Parents = Sequence[Sequence[tuple[int, float]]]
"""For each newborn, the slots it descends from and their shares."""


@dataclass(frozen=True)
class BirthContext:
    """Slots of newborns, their possible parents, and the parents' chances.

    `slots` (n,) are to be filled, `healthy` (m,) may be parents, in proportion to their `fitness`
    (size,). `strength` is how far a mutation goes.
    """

    population: LayerPopulation
    slots: Tensor
    healthy: Tensor
    fitness: Tensor
    generator: torch.Generator
    strength: float

    @property
    def site(self) -> EditContext:
        """The pair of layers, with what follows its neurons."""
        return self.population.site

    @property
    def weight(self) -> Tensor:
        """The weights that make the layer's neurons, (size, fan_in), without gradients."""
        return self.site.pair.incoming()

    def with_fittest_parents(self) -> BirthContext:
        """Let only the fittest be parents, as many as there are births."""
        fittest = self.fitness[self.healthy].argsort(descending=True, stable=True)
        healthy = self.healthy[fittest[: len(self.slots)]]
        return BirthContext(**{**vars(self), "healthy": healthy})


def sample_parents(context: BirthContext, each: int = 1, replacement: bool = True) -> Tensor:
    """Draw `each` parents of every newborn, (n, each) slots, in proportion to fitness.

    One parent may have many children; without `replacement` no child has one parent twice.
    """
    chances, count = proportions(context.fitness[context.healthy]), len(context.slots)
    if replacement:
        parents = torch.multinomial(chances, count * each, True, generator=context.generator)
        parents = parents.view(count, each)
    else:
        chances = chances.expand(count, -1)
        parents = torch.multinomial(chances, each, generator=context.generator)
    return context.healthy[parents.to(context.healthy.device)]


def proportions(fitness: Tensor) -> Tensor:
    """Return fitness as chances (m,) on the CPU: shifted if any is below 0; never all 0."""
    chances = fitness.double().cpu()
    chances = chances - chances.min().clamp_max(0.0)
    return chances + (chances.sum() <= 0)


def single_parents(parents: Tensor) -> Parents:
    """Return each of `parents` (n,) as the only one of its child."""
    return [[(slot, 1.0)] for slot in parents.tolist()]


def relative_noise(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Draw normal noise with the root mean square of each row's own weights."""
    size = rows.flatten(1).square().mean(1).sqrt().view(-1, *[1] * (rows.ndim - 1))
    noise = torch.randn(rows.shape, generator=generator, device=generator.device)
    return size * noise.to(rows)


@torch.no_grad()
def place_like(site: EditContext, slots: Tensor, rows: Tensor, like: Tensor) -> None:
    """Give `slots` in-weights `rows`, and biases and normalisation as of the neurons `like` (n,).

    Nothing reads them yet; their optimizer state is reset.
    """
    birth.place(site, slots, rows)
    for tensor in site.pair.vectors():
        tensor.index_copy_(0, slots, tensor.index_select(0, like))
    site.reset_state(slots)


def _fresh(context: BirthContext) -> None:
    birth.fresh(context.site, context.slots, context.generator, context.population.law)


def _mutation(context: BirthContext) -> Parents:
    """Add noise to a parent's weights: W + strength * (|W| / sqrt(D)) * N(0, 1).

    Differs: the noise of the earlier apoptosis code is absolute, and several times the weights.
    """
    parents = sample_parents(context)[:, 0]
    rows = context.weight.index_select(0, parents)
    noisy = rows + context.strength * relative_noise(rows, context.generator)
    place_like(context.site, context.slots, noisy, parents)
    return single_parents(parents)


def _split(context: BirthContext) -> Parents:
    parents = sample_parents(context)[:, 0]
    birth.split(context.site, context.slots, parents, context.generator)
    return single_parents(parents)


def _signed(context: BirthContext) -> None:
    """Create twins; a newborn without a twin is fresh."""
    even = len(context.slots) // 2 * 2
    twins, single = context.slots[:even], context.slots[even:]
    law = context.population.law
    if len(twins):
        birth.signed(context.site, twins, context.generator, law=law)
    if len(single):
        birth.fresh(context.site, single, context.generator, law)


def _gradmax(context: BirthContext) -> None:
    moment = context.population.observed.cross_moment
    gradmax(context.site, context.slots, moment, context.generator)


BIRTHS: dict[BirthKind, Callable[[BirthContext], Parents | None]] = {
    "mutation": _mutation,
    "fresh": _fresh,
    "split": _split,
    "signed": _signed,
    "gradmax": _gradmax,
}
