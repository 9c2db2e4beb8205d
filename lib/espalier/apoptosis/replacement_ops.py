"""How neurons die and what is born in their place: the ways that strategies choose from.

Births (`BIRTHS`) leave the network as it is: what is born is not read yet, or cancels, or takes
over part of what its parent did. Regrowths (`REGROWTHS`) write what makes a neuron, and whatever
reads it stays: they are the standard strategy's, and change what the network does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from espalier.apoptosis.layer_population import LayerPopulation
from espalier.surgery import birth, death
from espalier.surgery.gradmax import gradmax
from espalier.surgery.pairs import Pair
from espalier.surgery.site import Site

DeathKind = Literal["fold", "mean", "zero"]
BirthKind = Literal["mutation", "fresh", "split", "signed", "gradmax"]
Regrowth = Literal["mutation", "random", "clone"]
Parents = Sequence[Sequence[tuple[int, float]]]
"""For each newborn, the slots it descends from and their shares."""

DEATHS: dict[DeathKind, death.Death] = {
    "fold": death.survivors,
    "mean": death.mean,
    "zero": death.nothing,
}


@dataclass(frozen=True)
class BirthContext:
    """What a birth goes by: where, among whom, and with what chance.

    `slots` (n,) are to be filled, `healthy` (m,) may be parents, in proportion to their `fitness`
    (size,). `strength` is how far a mutation goes.
    """

    colony: LayerPopulation
    slots: Tensor
    healthy: Tensor
    fitness: Tensor
    generator: torch.Generator
    strength: float

    @property
    def site(self) -> Site:
        """Where it takes cradle."""
        return self.colony.site


def drawn_parents(cradle: BirthContext, each: int = 1, twice: bool = True) -> Tensor:
    """Slots of `each` parents of every newborn (n, each), drawn in proportion to fitness.

    One parent may have many children; unless `twice`, no parent is drawn twice for one child.
    """
    chances, count = proportions(cradle.fitness[cradle.healthy]), len(cradle.slots)
    if twice:
        drawn = torch.multinomial(chances, count * each, True, generator=cradle.generator)
        drawn = drawn.view(count, each)
    else:
        chances = chances.expand(count, -1)
        drawn = torch.multinomial(chances, each, generator=cradle.generator)
    return cradle.healthy[drawn.to(cradle.healthy.device)]


def proportions(fitness: Tensor) -> Tensor:
    """Fitness as chances (m,) on the CPU: what is below 0 counts from the lowest; never all 0."""
    chances = fitness.double().cpu()
    chances = chances - chances.min().clamp_max(0.0)
    return chances + (chances.sum() <= 0)


def sole(parents: Tensor) -> Parents:
    """Each of `parents` (n,) as the only one of its child."""
    return [[(slot, 1.0)] for slot in parents.tolist()]


def _fresh(cradle: BirthContext) -> None:
    birth.fresh(cradle.site, cradle.slots, cradle.generator, cradle.colony.law)


def _mutation(cradle: BirthContext) -> Parents:
    """A parent's weights, changed: W + strength * (|W| / sqrt(D)) * N(0, 1); read by nobody yet.

    Differs: the noise of the earlier apoptosis code is absolute, and several times the weights.
    """
    parents = drawn_parents(cradle)[:, 0]
    rows = cradle.site.pair.producer.weight.detach().index_select(0, parents)
    noisy = rows + cradle.strength * relative_noise(rows, cradle.generator)
    settle(cradle.site, cradle.slots, noisy, parents)
    return sole(parents)


def relative_noise(rows: Tensor, generator: torch.Generator) -> Tensor:
    """Normal noise with the root mean square of each row's own weights."""
    size = rows.flatten(1).square().mean(1).sqrt().view(-1, *[1] * (rows.ndim - 1))
    noise = torch.randn(rows.shape, generator=generator, device=generator.device)
    return size * noise.to(rows)


@torch.no_grad()
def settle(site: Site, slots: Tensor, rows: Tensor, like: Tensor) -> None:
    """Give `slots` in-weights `rows`, and biases and normalisation as of the neurons `like` (n,).

    Nothing reads them yet; optimizer state begins anew.
    """
    birth.place(site, slots, rows)
    for tensor in vectors(site.pair):
        tensor.index_copy_(0, slots, tensor.index_select(0, like))
    site.begin_anew(slots)


def vectors(pair: Pair) -> list[Tensor]:
    """What has one number for each neuron: biases, normalisation and its statistics."""
    held = [pair.producer.bias]
    if pair.norm is not None:
        held += [pair.norm.weight, pair.norm.bias, pair.norm.running_mean, pair.norm.running_var]
    return [x for x in held if x is not None]


def _split(cradle: BirthContext) -> Parents:
    parents = drawn_parents(cradle)[:, 0]
    birth.split(cradle.site, cradle.slots, parents, cradle.generator)
    return sole(parents)


def _signed(cradle: BirthContext) -> None:
    """Twins; one that has no twin is fresh."""
    even = len(cradle.slots) // 2 * 2
    twins, single = cradle.slots[:even], cradle.slots[even:]
    if len(twins):
        birth.signed(cradle.site, twins, cradle.generator, law=cradle.colony.law)
    if len(single):
        birth.fresh(cradle.site, single, cradle.generator, cradle.colony.law)


def _gradmax(cradle: BirthContext) -> None:
    gradmax(cradle.site, cradle.slots, cradle.colony.sight.crossing, cradle.generator)


BIRTHS: dict[BirthKind, Callable[[BirthContext], Parents | None]] = {
    "mutation": _mutation,
    "fresh": _fresh,
    "split": _split,
    "signed": _signed,
    "gradmax": _gradmax,
}


def _as_a_fresh_layer(cradle: BirthContext) -> None:
    weight = cradle.site.pair.producer.weight
    rows = cradle.colony.law.draw(weight, len(cradle.slots), cradle.generator)
    weight.index_copy_(0, cradle.slots, rows)


def _noisy_copies(cradle: BirthContext) -> Parents:
    """Of survivors drawn in proportion to fitness, with noise of a fixed size."""
    parents = drawn_parents(cradle)[:, 0]
    _copy(cradle, parents, cradle.strength)
    return sole(parents)


def _copies_of_the_fittest(cradle: BirthContext) -> Parents:
    best = cradle.healthy[cradle.fitness[cradle.healthy].argmax()].expand(len(cradle.slots))
    _copy(cradle, best, 0.0)
    return sole(best)


def _copy(cradle: BirthContext, parents: Tensor, noise: float) -> None:
    producer = cradle.site.pair.producer
    for held in (producer.weight, producer.bias):
        if held is not None:
            rows = held.index_select(0, parents)
            random = torch.randn(rows.shape, generator=cradle.generator).to(rows)
            held.index_copy_(0, cradle.slots, rows + noise * random)


REGROWTHS: dict[Regrowth, Callable[[BirthContext], Parents | None]] = {
    "mutation": _noisy_copies,
    "random": _as_a_fresh_layer,
    "clone": _copies_of_the_fittest,
}
