"""Whoever does what others do already goes; newborns look where nobody looks."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor, nn

from espalier.apoptosis.colony import Colony
from espalier.apoptosis.exact import ExactApoptosis, ExactOptions
from espalier.apoptosis.fitness import Measure
from espalier.apoptosis.neuron import check
from espalier.apoptosis.patterns import Names
from espalier.apoptosis.replacing import Parents
from espalier.surgery import birth
from espalier.surgery.death import RIDGE
from espalier.surgery.pairs import Layer
from espalier.surgery.probe import Statistics


class OrthogonalApoptosis(ExactApoptosis):
    """As the exact strategies, but for a set of neurons that is diverse as well as fit.

    Selection (`orthogonal_selection`): neurons go one by one, each time the one with the lowest
    product of fitness and uniqueness, which is the share of its variance over what is seen that
    the others, those gone left out, cannot express. Of two neurons that do the same one stays.

    Birth (`orthogonal_birth`): in-weights are the directions in which the survivors' are
    smallest: eigenvectors of the lowest eigenvalues of their second moment W^T W, as long as the
    survivors' on average. If there are fewer survivors than inputs these are orthogonal to all.

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
        super().__init__(
            *(model, target_layers, prune_rate, apoptosis_interval),
            *(fitness_metric, mutation_strength),
            **options,
        )

    def _select(self, colony: Colony, count: int) -> Tensor:
        """See the standard strategy."""
        if not self.orthogonal_selection or count == 0:
            return super()._select(colony, count)
        ageing = colony.ageing
        count = min(count, int(ageing.mature.sum()))
        return redundant(colony.sight.statistics, ageing.fitness, ageing.mature, count)

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
        cradle.site.begin_anew(slots)
        if len(rest):  # more than there are directions
            birth.fresh(cradle.site, rest, cradle.generator, cradle.colony.law)
        return None


@torch.no_grad()
def redundant(seen: Statistics, fitness: Tensor, mature: Tensor, count: int) -> Tensor:
    """The slots (count,) of `mature` neurons to go, in order; see `OrthogonalApoptosis`.

    A partial Cholesky factorisation of the inverse correlation, whose pivots are the victims: its
    diagonal, less the squares of the factor so far, is 1 / uniqueness. On the CPU: each step waits
    for the one before.
    """
    inverse, varied = _inverse_correlation(seen)
    worth = (fitness - fitness.min().clamp_max(0.0)).to(inverse) * varied
    worth = worth.double().cpu()
    closed = ~mature.cpu()
    left, factor = inverse.diagonal().clone(), inverse.new_zeros(count, len(inverse))
    gone: list[int] = []
    for step in range(count):
        which = int((worth / left).masked_fill_(closed, torch.inf).argmin())
        row = torch.addmv(inverse[which], factor[:step].T, factor[:step, which], alpha=-1)
        factor[step] = row.div_(row[which].sqrt())
        left = left.addcmul_(row, row, value=-1).clamp_min_(torch.finfo(left.dtype).eps)
        closed[which] = True
        gone.append(which)
    return torch.tensor(gone, device=fitness.device)


def _inverse_correlation(seen: Statistics) -> tuple[Tensor, Tensor]:
    """(neurons, neurons) on the CPU, and who does anything (neurons,); a ridge as for folding."""
    size, per = seen.pair.size, seen.pair.per
    places = seen.scatter.view(size, per, size, per).diagonal(dim1=1, dim2=3)
    scatter = places.sum(2) if per > 1 else places.squeeze(2)
    lengths = scatter.diagonal().clamp_min(0.0).sqrt()
    varied = lengths > torch.finfo(lengths.dtype).eps * lengths.max()
    scale = torch.where(varied, 1 / lengths, 0.0)
    correlation = scatter * scale * scale.unsqueeze(1)
    ridge = RIDGE * size / max(seen.count * per, 1)
    correlation.diagonal().fill_(1.0 + ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(correlation))
    return inverse.cpu(), varied


@torch.no_grad()
def unused(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Up to `count` directions (k, fan_in), k <= fan_in, that `rows` (m, fan_in) use least.

    Orthogonal to each other, as long as `rows` on average, with random signs.
    """
    fan_in = rows.shape[1]
    if len(rows) + count <= fan_in:
        found = _null(rows, count, generator)
    else:
        found = torch.linalg.eigh(rows.T @ rows).eigenvectors[:, :count].T
    signs = torch.rand(len(found), 1, generator=generator, device=generator.device).to(rows) - 0.5
    usual: Tensor = rows.norm(dim=1).mean()
    return found * signs.sign() * usual


def _null(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Random directions (count, fan_in) that are orthogonal to all `rows` and each other.

    In place of eigenvectors of the eigenvalue 0, which cost fan_in^3.
    """
    shape = count, rows.shape[1]
    drawn = torch.randn(shape, generator=generator, device=generator.device).to(rows)
    both: Tensor = torch.linalg.qr(torch.cat([rows, drawn]).T).Q
    return both[:, len(rows) :].T
