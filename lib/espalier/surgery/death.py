"""Ways for neurons to die: their consumer forgets them, and something makes up for it or not.

Each is a `Substitute` for the neurons that die (n,), found from the pair's `Statistics` on probe
batches with the weights as they are now. `kill` puts it in their place and leaves them silent:
weights that make and read them 0, optimizer state as of a newborn. `hand_over` does part of it.

Linear consumers: folding is exact for the probe's samples, and so is the estimate. Convolutions:
every position of the map is a sample, and each tap of the kernel is folded by itself. What is
folded into weights is then right everywhere, borders with zero padding included; what is folded
into the bias is right inside, and right in the mean where taps reach into zero padding; the
estimate treats the errors under different taps as independent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from espalier.surgery.edit_context import EditContext
from espalier.surgery.pairing.pairs import Pair
from espalier.surgery.probe import Statistics, at_least_single

RIDGE = 0.2  # tried on one model with 512-wide layers, at 1,024 to 8,192 samples


@dataclass(frozen=True)
class Substitute:
    """A substitute for dead neurons: the survivors' activations times `blend`, plus `constant`.

    `dead` (n,) are neurons, `alive` (s,) inputs of the consumer, `blend` (s, n * per), `constant`
    (n * per,), `shares` (taps,) as in `Statistics`, and `rest` (n * per, n * per) the second moment
    of what the dead do and the substitute does not.
    """

    dead: Tensor
    alive: Tensor
    blend: Tensor
    constant: Tensor
    shares: Tensor
    rest: Tensor


SubstituteRule = Callable[[Pair, Tensor, Statistics], Substitute]


@torch.no_grad()
def substitute_nothing(pair: Pair, dead: Tensor, statistics: Statistics) -> Substitute:
    """Return a substitute that does nothing: for comparison."""
    columns = pair.columns(dead)
    mean = statistics.mean[columns]
    second = _block(statistics, columns, columns) + torch.outer(mean, mean)
    return Substitute(dead, *_no_survivors(mean), torch.zeros_like(mean), statistics.shares, second)


@torch.no_grad()
def substitute_mean(pair: Pair, dead: Tensor, statistics: Statistics) -> Substitute:
    """Return each dead neuron's mean, which goes into the consumer's bias.

    Source: Dohare et al. 2024, "Loss of plasticity in deep continual learning", whose code keeps
    the mean contribution of a unit that it replaces.
    """
    columns = pair.columns(dead)
    usual, left = statistics.mean[columns], _block(statistics, columns, columns)
    return Substitute(dead, *_no_survivors(usual), usual, statistics.shares, left)


def _no_survivors(like: Tensor) -> tuple[Tensor, Tensor]:
    """Return no inputs of the consumer, and their blend."""
    none = torch.zeros(0, dtype=torch.int64, device=like.device)
    return none, like.new_zeros(0, len(like))


@torch.no_grad()
def substitute_survivors(
    pair: Pair, dead: Tensor, statistics: Statistics, ridge: float = RIDGE
) -> Substitute:
    """Return each dead neuron's best affine function of the survivors.

    One Cholesky factorisation of the survivors' covariance, to whose diagonal is added `ridge`
    times their mean variance times the ratio of inputs to samples: with few samples the fit would
    follow chance.

    Source: Hassibi and Stork 1992, "Second order derivatives for network pruning: Optimal Brain
    Surgeon", with the layer's own squared error as the objective.
    Differs: several neurons at once, a constant in the basis, a ridge.
    """
    columns = pair.columns(dead)
    return substitute_basis(
        dead, columns, statistics, complement(len(statistics.mean), columns), ridge
    )


@torch.no_grad()
def substitute_basis(
    dead: Tensor, columns: Tensor, statistics: Statistics, basis: Tensor, ridge: float = RIDGE
) -> Substitute:
    """Return the best affine function of a `basis` (s,): indices into `statistics`.

    `columns` (n * per,) are those of the dead.
    """
    inner, across = _block(statistics, basis, basis), _block(statistics, basis, columns)
    looseness = ridge * len(statistics.mean) / max(statistics.count, 1)
    blend, rest = solve_ridge(inner, across, _block(statistics, columns, columns), looseness)
    constant = statistics.mean[columns] - statistics.mean[basis] @ blend
    return Substitute(dead, basis, blend, constant, statistics.shares, rest)


@torch.no_grad()
def hand_over(site: EditContext, substitute: Substitute, portion: float) -> None:
    """Let the substitute do the `portion`, in (0, 1], of what the dead still do."""
    weight, columns = site.pair.out_weight, site.pair.columns(substitute.dead)
    lost = copy_outgoing(site, columns) * portion
    if len(substitute.alive):
        given = read_through_blend(site, lost, substitute.blend)
        weight.index_add_(1, substitute.alive, given)
    site.shift(_constant(lost, substitute.constant, substitute.shares))
    weight.index_add_(1, columns, _like(site, lost), alpha=-1)


@torch.no_grad()
def kill(site: EditContext, substitute: Substitute) -> Tensor:
    """Let the substitute do all that the dead do, and silence them.

    Returns an estimate of the damage: the expected squared error of the consumer's output, summed
    over outputs, as a tensor of no dimensions (nothing waits for the device).
    """
    damage = _error(copy_outgoing(site, site.pair.columns(substitute.dead)), substitute.rest)
    hand_over(site, substitute, 1.0)
    _silence(site, substitute.dead)
    return damage


def solve_ridge(
    inner: Tensor, across: Tensor, within: Tensor, looseness: float
) -> tuple[Tensor, Tensor]:
    """Regress some on a basis: return (basis, some), and the covariance (some, some) left.

    From the covariances `inner` of the basis, which is written to, `across` (basis, some) and
    `within` the some; `looseness` times the basis' mean variance is added to its diagonal.
    """
    diagonal = inner.diagonal()
    penalty = looseness * diagonal.mean() + torch.finfo(inner.dtype).tiny
    diagonal.add_(penalty)
    blend = torch.cholesky_solve(across, torch.linalg.cholesky(inner))
    return blend, within - across.T @ blend - penalty * (blend.T @ blend)


def _block(statistics: Statistics, rows: Tensor, columns: Tensor) -> Tensor:
    """Copy a part of the covariance."""
    part = statistics.scatter.index_select(0, rows).index_select(1, columns)
    return part.div_(max(statistics.count, 1))


def read_through_blend(site: EditContext, lost: Tensor, blend: Tensor) -> Tensor:
    """Return a basis' weights (s,) that do what `lost` (outputs, n * per, taps) read."""
    return _like(site, torch.einsum("odt,sd->ost", lost, blend))


def complement(total: int, columns: Tensor) -> Tensor:
    """Return the indices below `total` that are not in `columns`."""
    alive = torch.ones(total, dtype=torch.bool, device=columns.device)
    alive[columns] = False
    return alive.nonzero().flatten()


def copy_outgoing(site: EditContext, columns: Tensor) -> Tensor:
    """Copy the consumer's weights for `columns`, (outputs, columns, taps), as float32 or wider."""
    weights = at_least_single(site.pair.out_weight.index_select(1, columns))
    return weights.flatten(2) if weights.ndim > 2 else weights.unsqueeze(2)


def _like(site: EditContext, folded: Tensor) -> Tensor:
    """Reshape (outputs, columns, taps) to the consumer's own shape and number format."""
    weight = site.pair.out_weight
    return folded.reshape(*folded.shape[:2], *weight.shape[2:]).to(weight.dtype)


def _constant(lost: Tensor, values: Tensor, shares: Tensor) -> Tensor:
    """Return (outputs,): what constant inputs `values` (columns,) give on the average position."""
    return (lost @ shares) @ values


def _error(lost: Tensor, second: Tensor) -> Tensor:
    """Return the trace of W M W^T, summed over taps."""
    rows = lost.transpose(1, 2).flatten(0, 1)  # (outputs * taps, columns)
    return ((rows @ second) * rows).sum().clamp_min(0.0)


def _silence(site: EditContext, dead: Tensor) -> None:
    site.pair.out_weight.index_fill_(1, site.pair.columns(dead), 0.0)
    for parameter, dim in site.pair.slices():
        parameter.index_fill_(dim, dead, 0.0)
    site.reset_state(dead)
