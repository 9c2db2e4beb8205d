"""Ways for neurons to die: their consumer forgets them, and something makes up for it or not.

Each takes the neurons that die (n,), the pair's `Statistics` on probe batches with the weights as
they are now, and returns an estimate of the damage: the expected squared error of the consumer's
output, summed over outputs, as a tensor of no dimensions (nothing waits for the device). Each
leaves the dead silent: weights that make and read them 0, optimizer state as of a newborn.

Linear consumers: folding is exact for the probe's samples, and so is the estimate. Convolutions:
every position of the map is a sample, and each tap of the kernel is folded by itself. What is
folded into weights is then right everywhere, borders with zero padding included; what is folded
into the bias is right inside, and right in the mean where taps reach into zero padding; the
estimate treats the errors under different taps as independent.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from espalier.surgery.probe import Statistics
from espalier.surgery.site import Site

Death = Callable[[Site, Tensor, Statistics], Tensor]

RIDGE = 0.2  # tried on one model with 512-wide layers, at 1,024 to 8,192 samples


@torch.no_grad()
def zero(site: Site, dead: Tensor, statistics: Statistics) -> Tensor:
    """Drop what the dead did. For comparison: nothing makes up for it."""
    columns = site.pair.columns(dead)
    lost = _taken(site, columns)
    mean = statistics.mean[columns]
    second = _block(statistics, columns, columns) + torch.outer(mean, mean)
    _silence(site, dead)
    return _error(lost, second)


@torch.no_grad()
def fold_mean(site: Site, dead: Tensor, statistics: Statistics) -> Tensor:
    """Replace each of the dead by its mean, which goes into the consumer's bias.

    Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning", whose code keeps
    the mean contribution of a unit that it replaces.
    """
    columns = site.pair.columns(dead)
    lost = _taken(site, columns)
    site.shift(_constant(lost, statistics.mean[columns], statistics.shares))
    _silence(site, dead)
    return _error(lost, _block(statistics, columns, columns))


@torch.no_grad()
def fold_survivors(
    site: Site, dead: Tensor, statistics: Statistics, ridge: float = RIDGE
) -> Tensor:
    """Replace each of the dead by the best affine function of the survivors.

    One Cholesky factorisation of the survivors' covariance, to whose diagonal is added `ridge`
    times their mean variance times the ratio of inputs to samples: with few samples the fit would
    follow chance.

    Source: Hassibi and Stork 1992, "Second order derivatives for network pruning: Optimal Brain
    Surgeon", with the layer's own squared error as the objective.
    Differs: several neurons at once, a constant in the basis, a ridge.
    """
    columns = site.pair.columns(dead)
    alive = _others(len(statistics.mean), columns)
    lost = _taken(site, columns)
    blend, rest = _regression(statistics, alive, columns, ridge)
    folded = torch.einsum("odt,sd->ost", lost, blend)
    site.pair.consumer.weight.index_add_(1, alive, _like(site, folded))
    constant = statistics.mean[columns] - statistics.mean[alive] @ blend
    site.shift(_constant(lost, constant, statistics.shares))
    _silence(site, dead)
    return _error(lost, rest)


def _regression(
    statistics: Statistics, alive: Tensor, dead: Tensor, ridge: float
) -> tuple[Tensor, Tensor]:
    """The dead as functions of the living, (alive, dead), and the covariance (dead, dead) left."""
    inner, across = _block(statistics, alive, alive), _block(statistics, alive, dead)
    diagonal = inner.diagonal()
    scarcity = len(statistics.mean) / max(statistics.count, 1)
    penalty = ridge * scarcity * diagonal.mean() + torch.finfo(inner.dtype).tiny
    diagonal.add_(penalty)
    blend = torch.cholesky_solve(across, torch.linalg.cholesky(inner))
    rest = _block(statistics, dead, dead) - across.T @ blend - penalty * (blend.T @ blend)
    return blend, rest


def _block(statistics: Statistics, rows: Tensor, columns: Tensor) -> Tensor:
    """A copy of a part of the covariance."""
    part = statistics.scatter.index_select(0, rows).index_select(1, columns)
    return part.div_(max(statistics.count, 1))


def _others(total: int, columns: Tensor) -> Tensor:
    """The indices below `total` that are not in `columns`."""
    alive = torch.ones(total, dtype=torch.bool, device=columns.device)
    alive[columns] = False
    return alive.nonzero().flatten()


def _taken(site: Site, columns: Tensor) -> Tensor:
    """(outputs, columns, taps): a copy of the consumer's weights for `columns`."""
    weight = site.pair.consumer.weight.detach()
    return weight.index_select(1, columns).flatten(2) if weight.ndim > 2 else _flat(weight, columns)


def _flat(weight: Tensor, columns: Tensor) -> Tensor:
    return weight.index_select(1, columns).unsqueeze(2)


def _like(site: Site, folded: Tensor) -> Tensor:
    """(outputs, columns, taps) in the consumer's own shape."""
    return folded.reshape(*folded.shape[:2], *site.pair.consumer.weight.shape[2:])


def _constant(lost: Tensor, values: Tensor, shares: Tensor) -> Tensor:
    """(outputs,): what constant inputs `values` (columns,) give on the average position."""
    return (lost @ shares) @ values


def _error(lost: Tensor, second: Tensor) -> Tensor:
    """The trace of W M W^T, summed over taps."""
    rows = lost.transpose(1, 2).flatten(0, 1)  # (outputs * taps, columns)
    return ((rows @ second) * rows).sum().clamp_min(0.0)


def _silence(site: Site, dead: Tensor) -> None:
    site.pair.consumer.weight.index_fill_(1, site.pair.columns(dead), 0.0)
    for parameter in site.producing():
        parameter.index_fill_(0, dead, 0.0)
    site.begin_anew(dead)
