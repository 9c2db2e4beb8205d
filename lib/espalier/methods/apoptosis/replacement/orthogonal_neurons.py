"""Selection of neurons that do what others do already; births that do what no other does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from espalier.methods.apoptosis.neurons.apoptosis_strategy import Birth, Selected, select_weakest
from espalier.methods.apoptosis.neurons.layer_population import LayerPopulation
from espalier.methods.apoptosis.neurons.replacement_ops import BirthContext, Parents
from espalier.surgery import birth, death
from espalier.surgery.death import RIDGE, Substitute
from espalier.surgery.probe import Statistics, at_least_single

TINY = 1e-12
FLOOR = 0.01  # of the mean use: what is used less counts as not used


def least_unique(population: LayerPopulation, count: int, generator: torch.Generator) -> Selected:
    """Select neurons one by one, each time the one with the lowest fitness times uniqueness.

    Uniqueness is the share of a neuron's variance over what is observed that the others, without
    those selected before, cannot express. Of two neurons that do the same one stays.

    Source: Couvreur and Bresler 2000, "On the optimality of the backward greedy algorithm for the
    subset selection problem".
    """
    if count == 0:
        return select_weakest(population, count, generator)
    ema, statistics = population.fitness_ema, population.observed.statistics
    count = min(count, int(ema.mature.sum()))
    redundant = select_redundant(statistics, ema.fitness, ema.mature, count)
    if population.site.pair.per > 1:  # the correlation is of neurons, not of what they feed
        return Selected(redundant.slots)
    return Selected(redundant.slots, partial(redundant.fold, statistics))


@dataclass(frozen=True)
class OrthogonalBirth(Birth):
    """In-weights are directions in which the survivors' are small, as long as theirs on average.

    They are drawn at random, then taken twice through the inverse of the second moment W^T W. If
    there are fewer survivors than inputs these are nearly orthogonal to all.
    """

    @override
    def create(self, context: BirthContext) -> Parents | None:
        survivors = at_least_single(context.weight[context.healthy])
        rows = unused_directions(survivors, len(context.slots), context.generator)
        slots, rest = context.slots[: len(rows)], context.slots[len(rows) :]
        birth.place(context.site, slots, rows)
        context.site.apply_masks()  # the optimizer's state was reset at the death
        if len(rest):  # more than there are directions
            birth.fresh(context.site, rest, context.generator, context.population.law)
        return None


@dataclass(frozen=True)
class Redundant:
    """Neurons to remove, and what of the inverse correlation C^-1 of all belongs to them.

    `slots` (n,) are in order. `factor` (n, neurons) has F^T F = C^-1 in their rows and
    columns, which makes F upper triangular there. `lengths` (neurons,) are the roots of the
    scatter's diagonal, 0 for a neuron that does nothing; C has 1 + `ridge` on its diagonal.
    """

    slots: Tensor
    factor: Tensor
    lengths: Tensor
    ridge: float

    def fold(self, statistics: Statistics) -> Substitute:
        """Fold into the survivors from the factor at hand: -C^-1_sd (C^-1_dd)^-1, unscaled.

        Differs: the ridge of each survivor is a share of its own variance, not of the mean one.
        """
        gone, alive = self.slots, death.complement(len(self.lengths), self.slots)
        own = self.factor[:, gone].triu()
        basis = torch.cat([self.factor[:, alive], torch.eye(len(gone)).to(own)], 1)
        solved = torch.linalg.solve_triangular(own, basis, upper=True)
        read, root = -solved[:, : len(alive)].T, solved[:, len(alive) :]
        rest = root @ root.T - self.ridge * (read.T @ read)
        rest.diagonal().sub_(self.ridge)
        size = self.lengths[gone]
        blend = read * _inverse_or_0(self.lengths[alive]).unsqueeze(1) * size
        constant = statistics.mean[gone] - statistics.mean[alive] @ blend
        rest = rest * torch.outer(size, size) / max(statistics.count, 1)
        return Substitute(gone, alive, blend, constant, statistics.shares, rest)


@torch.no_grad()
def select_redundant(
    statistics: Statistics, fitness: Tensor, mature: Tensor, count: int
) -> Redundant:
    """Select `count` of the `mature` neurons; see `least_unique`.

    A partial Cholesky factorisation of the inverse correlation, whose pivots are those selected:
    its diagonal, less the squares of the factor so far, is 1 / uniqueness. In numpy, whose calls
    take a fraction of the time: each step is small and waits for the one before.
    """
    inverse, lengths, ridge = _inverse_correlation(statistics)
    shifted = (fitness - fitness.min().clamp_max(0.0)) * (lengths > 0)
    worth = shifted.float().masked_fill(~mature, torch.inf).cpu().numpy()
    matrix = inverse.float().cpu().numpy()
    left, factor = matrix.diagonal().copy(), np.zeros((count, len(matrix)), matrix.dtype)
    gone = np.zeros(count, dtype=np.int64)
    for step in range(count):
        gone[step] = which = int(np.argmin(worth / left))
        row = matrix[which] - factor[:step, which] @ factor[:step]
        row /= np.sqrt(row[which])
        factor[step] = row
        left = np.maximum(left - row * row, TINY)
        worth[which] = np.inf
    slots = torch.from_numpy(gone).to(fitness.device)
    return Redundant(slots, torch.from_numpy(factor).to(lengths), lengths, ridge)


def _inverse_correlation(statistics: Statistics) -> tuple[Tensor, Tensor, float]:
    """Return C^-1 (neurons, neurons), and `lengths` and `ridge` as in `Redundant`."""
    size, per = statistics.pair.size, statistics.pair.per
    places = statistics.scatter.view(size, per, size, per).diagonal(dim1=1, dim2=3)
    scatter = places.sum(2) if per > 1 else places.squeeze(2)
    lengths = scatter.diagonal().clamp_min(0.0).sqrt()
    varied = lengths > torch.finfo(lengths.dtype).eps * lengths.max()
    lengths = lengths * varied
    scale = _inverse_or_0(lengths)
    correlation = (scatter * scale).mul_(scale.unsqueeze(1))
    ridge = RIDGE * size / max(statistics.count * per, 1)
    correlation.diagonal().fill_(1.0 + ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(correlation))
    return inverse, lengths, ridge


def _inverse_or_0(lengths: Tensor) -> Tensor:
    """Return 1 / `lengths`, and 0 where it is 0."""
    return torch.where(lengths > 0, 1 / lengths, 0.0)


@torch.no_grad()
def unused_directions(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return up to `count` directions (k, fan_in), k <= fan_in, that `rows` (m, fan_in) use little.

    Orthogonal to each other, as long as `rows` on average. Random directions go twice through the
    inverse of the rows' second moment, with `FLOOR` of its mean added: what the rows use least is
    left, and a rounding error in a weight stays one, which it would not in eigenvectors.
    """
    fan_in = rows.shape[1]
    moment = rows.T @ rows
    moment.diagonal().add_(FLOOR * moment.diagonal().mean() + TINY)
    shape = fan_in, min(count, fan_in)
    drawn = torch.randn(shape, generator=generator, device=generator.device).to(rows)
    factor = torch.linalg.cholesky(moment)
    solved = torch.cholesky_solve(torch.cholesky_solve(drawn, factor), factor)
    usual: Tensor = rows.norm(dim=1).mean()
    basis: Tensor = torch.linalg.qr(solved).Q.T
    return usual * basis
