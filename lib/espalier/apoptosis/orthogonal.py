"""Whoever does what others do already goes; newborns look where nobody looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import numpy as np
import torch
from torch import Tensor, nn

from espalier.apoptosis.layer_population import LayerPopulation
from espalier.apoptosis.function_preserving import ExactApoptosis, ExactOptions
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.neuron import check
from espalier.apoptosis.patterns import Names
from espalier.apoptosis.replacement_ops import Parents
from espalier.surgery import birth, cholesky, death
from espalier.surgery.death import RIDGE, Substitute
from espalier.surgery.pairs import Layer
from espalier.surgery.probe import Statistics

TINY = 1e-12
FLOOR = 0.01  # of the mean use: what is used less counts as not used


class OrthogonalApoptosis(ExactApoptosis):
    """As the exact strategies, but for a set of neurons that is diverse as well as fit.

    Selection (`orthogonal_selection`): neurons go one by one, each time the one with the lowest
    product of fitness and uniqueness, which is the share of its variance over what is seen that
    the others, those gone left out, cannot express. Of two neurons that do the same one stays.

    Birth (`orthogonal_birth`): in-weights are directions in which the survivors' are small: drawn
    at random, then taken twice through the inverse of their second moment W^T W, as long as the
    survivors' on average. If there are fewer survivors than inputs these are nearly orthogonal to
    all.

    Source: Couvreur and Bresler 2000, "On the optimality of the backward greedy algorithm for the
    subset selection problem". The earlier apoptosis documents sketch both parts.
    Differs: that sketch adds up distances of weights, under which fitness counts for nothing, and
    projects onto a null space, which is empty where there are more survivors than inputs.
    """

    def __init__(  # noqa: PLR0913 (users know these by name)
        self,
        model: nn.Module,
        target_layers: Names | None = None,
        prune_rate: float = 0.1,
        apoptosis_interval: int = 500,
        fitness_metric: Measure = "grad_activation",
        mutation_strength: float = 0.3,
        orthogonal_selection: bool = True,
        orthogonal_birth: bool = True,
        **options: Unpack[ExactOptions],
    ) -> None:
        """As the exact strategies; without a part, that part is as there. One must be left.

        `mutation_strength` applies to births by mutation only.
        """
        either = orthogonal_selection or orthogonal_birth
        rule = "True, if orthogonal_selection is False"
        check("orthogonal_birth", orthogonal_birth, either, rule)
        self.orthogonal_selection, self.orthogonal_birth = orthogonal_selection, orthogonal_birth
        self._farewells: dict[str, Farewell] = {}  # between a selection and the death after it
        super().__init__(
            *(model, target_layers, prune_rate, apoptosis_interval),
            *(fitness_metric, mutation_strength),
            **options,
        )

    def _select(self, colony: LayerPopulation, count: int) -> Tensor:
        """See the standard strategy."""
        if not self.orthogonal_selection or count == 0:
            return super()._select(colony, count)
        ageing = colony.ageing
        count = min(count, int(ageing.mature.sum()))
        found = redundant(colony.sight.statistics, ageing.fitness, ageing.mature, count)
        self._farewells[colony.name] = found
        return found.gone

    def _kill(self, colony: LayerPopulation, dying: Tensor) -> Tensor | None:
        found = self._farewells.pop(colony.name, None)
        if found is None or found.gone is not dying or self._death != "fold":
            return super()._kill(colony, dying)
        if colony.site.pair.per > 1:  # the correlation is of neurons, not of what they feed
            return super()._kill(colony, dying)
        return death.kill(colony.site, found.fold(colony.sight.statistics))

    def _regrow_neurons(
        self, layer: Layer, dying_indices: Tensor, healthy_indices: Tensor, fitness: Tensor
    ) -> Parents | None:
        """See the standard strategy."""
        if not self.orthogonal_birth:
            return super()._regrow_neurons(layer, dying_indices, healthy_indices, fitness)
        cradle = self._cradle(layer, dying_indices, healthy_indices, fitness)
        others = layer.weight.detach().flatten(1)[healthy_indices]
        found = unused(others, len(dying_indices), cradle.generator)
        slots, rest = dying_indices[: len(found)], dying_indices[len(found) :]
        birth.place(cradle.site, slots, found.view(-1, *layer.weight.shape[1:]))
        cradle.site.obey()  # the optimizer's state began anew at the death
        if len(rest):  # more than there are directions
            birth.fresh(cradle.site, rest, cradle.generator, cradle.colony.law)
        return None


@dataclass(frozen=True)
class Farewell:
    """Who goes, and what of the inverse correlation C^-1 of all neurons belongs to them.

    `gone` (n,) are slots, in order. `factor` (n, neurons) has F^T F = C^-1 in their rows and
    columns, which makes F upper triangular there. `lengths` (neurons,) are the roots of the
    scatter's diagonal, 0 for who does nothing; C has 1 + `ridge` on its diagonal.
    """

    gone: Tensor
    factor: Tensor
    lengths: Tensor
    ridge: float

    def fold(self, seen: Statistics) -> Substitute:
        """As `death.survivors`, but nothing is factorised anew: -C^-1_sd (C^-1_dd)^-1, unscaled.

        Differs: the ridge of each survivor is a share of its own variance, not of the mean one.
        """
        gone, alive = self.gone, death.others(len(self.lengths), self.gone)
        own = self.factor[:, gone].triu()
        basis = torch.cat([self.factor[:, alive], torch.eye(len(gone)).to(own)], 1)
        solved = torch.linalg.solve_triangular(own, basis, upper=True)
        read, root = -solved[:, : len(alive)].T, solved[:, len(alive) :]
        rest = root @ root.T - self.ridge * (read.T @ read)
        rest.diagonal().sub_(self.ridge)
        size = self.lengths[gone]
        blend = read * _inverted(self.lengths[alive]).unsqueeze(1) * size
        constant = seen.mean[gone] - seen.mean[alive] @ blend
        rest = rest * torch.outer(size, size) / max(seen.count, 1)
        return Substitute(gone, alive, blend, constant, seen.shares, rest)


@torch.no_grad()
def redundant(seen: Statistics, fitness: Tensor, mature: Tensor, count: int) -> Farewell:
    """`count` slots of `mature` neurons to go, in order; see `OrthogonalApoptosis`.

    A partial Cholesky factorisation of the inverse correlation, whose pivots are the victims: its
    diagonal, less the squares of the factor so far, is 1 / uniqueness. In numpy, whose calls take a
    fraction of the time: each step is small and waits for the one before.
    """
    inverse, lengths, ridge = _inverse_correlation(seen)
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
    return Farewell(slots, torch.from_numpy(factor).to(lengths), lengths, ridge)


def _inverse_correlation(seen: Statistics) -> tuple[Tensor, Tensor, float]:
    """(neurons, neurons); `lengths` and `ridge` as in `Farewell`."""
    size, per = seen.pair.size, seen.pair.per
    places = seen.scatter.view(size, per, size, per).diagonal(dim1=1, dim2=3)
    scatter = places.sum(2) if per > 1 else places.squeeze(2)
    lengths = scatter.diagonal().clamp_min(0.0).sqrt()
    varied = lengths > torch.finfo(lengths.dtype).eps * lengths.max()
    lengths = lengths * varied
    scale = _inverted(lengths)
    correlation = (scatter * scale).mul_(scale.unsqueeze(1))
    ridge = RIDGE * size / max(seen.count * per, 1)
    correlation.diagonal().fill_(1.0 + ridge)
    inverse = torch.cholesky_inverse(cholesky.factor(correlation).mT)
    return inverse, lengths, ridge


def _inverted(lengths: Tensor) -> Tensor:
    """1 / `lengths`, and 0 of 0."""
    return torch.where(lengths > 0, 1 / lengths, 0.0)


@torch.no_grad()
def unused(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Up to `count` directions (k, fan_in), k <= fan_in, that `rows` (m, fan_in) use little.

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
    found = torch.cholesky_solve(torch.cholesky_solve(drawn, factor), factor)
    usual: Tensor = rows.norm(dim=1).mean()
    basis: Tensor = torch.linalg.qr(found).Q.T
    return usual * basis
