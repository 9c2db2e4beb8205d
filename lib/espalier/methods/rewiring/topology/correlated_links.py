"""Correlated sparse topological initialisation (CSTI): units linked to pixels that go together.

Unit h stands for pixel h, counted round again where there are more units. A link from one pixel's
unit to another's is the better the larger their correlation over the training samples.

Source: Zhang et al. 2024, Epitopological learning and Cannistraci-Hebb network shape intelligence,
and its public code.
Differs: the code has hidden layers of one or two times the pixels, and here any width; each unit
gets its best link where there are enough, which leaves none without; the last layer is random.
"""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.core.samples import Split
from espalier.sparse.selection import select_per_unit
from espalier.train.engine.evaluation import EVALUATION_BATCH

TINY = 1e-12
"""The size of what stands for a correlation of 0, so that these links come last and at random."""


def pixel_correlations(split: Split) -> Tensor:
    """Return Pearson's correlation of all pixels (inputs, inputs) float64 over a whole split.

    0 with one that never changes, and of a pixel with itself.
    """
    first, _ = next(iter(split.pieces(1)))
    sums = torch.zeros(first.numel(), dtype=torch.float64, device=split.device)
    products = torch.zeros_like(sums).expand(len(sums), -1).clone()
    for x, _ in split.pieces(EVALUATION_BATCH):
        rows = x.flatten(1).double()
        sums += rows.sum(0)
        products += rows.T @ rows
    mean, square = sums / len(split), products / len(split)
    covariance = square - mean[:, None] * mean
    variance, power = covariance.diagonal(), square.diagonal()
    changes = variance > 1e-9 * power
    scale = torch.where(changes, variance.clamp_min(TINY).rsqrt(), 0.0)
    return (covariance * scale[:, None] * scale).fill_diagonal_(0.0)


def link_correlated(correlations: Tensor, keys: Tensor, count: int) -> Tensor:
    """Return the `count` links (units, inputs) bool of the largest |correlation|.

    `keys`, uniform in [0, 1) in that shape, decide among those that have none.
    """
    units, inputs = (torch.arange(n, device=keys.device) % len(correlations) for n in keys.shape)
    sizes = correlations.abs()[units][:, inputs].to(keys)
    return select_per_unit(torch.where(sizes > 0, sizes, TINY * (1 + keys)), count)
