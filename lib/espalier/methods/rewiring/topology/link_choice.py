"""The choice among links by a score: the highest, or drawn in proportion.

Draws are races: link k has a waiting time -log(key) / score, and those that come first are taken,
which is sampling without replacement in proportion to the scores.

Source: Efraimidis and Spirakis 2006, Weighted random sampling with a reservoir, for the races.
"""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.sparse.selection import magnitudes, select_smallest

TINY = 1e-12
"""No key and no magnitude counts as less, since neither has a logarithm at 0."""
FLOOR = 1e-5
"""What every missing link's score is raised by if too few have a path."""
DIGITS = 9
"""Scores that are equal to so many places are equal, on every machine."""


def remove_smallest(weight: Tensor, live: Tensor, count: int) -> Tensor:
    """Return the `count` smallest |w| of what is `live`: bool in the weight's shape."""
    return select_smallest(torch.where(live, magnitudes(weight), torch.inf), count)


def remove_softly(
    weight: Tensor, live: Tensor, count: int, exponent: float, keys: Tensor
) -> Tensor:
    """Return the `count` links of `live` that are left over when the others are drawn.

    Drawn in proportion to |w|^exponent, by `keys` uniform in [0, 1): bool in the weight's shape.
    """
    sizes = weight.detach().double().abs().clamp_min(TINY)
    waits = _exponential(keys).log() - exponent * sizes.log()
    return select_smallest(torch.where(live, -waits, torch.inf), count)


def grow_highest(scores: Tensor, missing: Tensor, count: int, keys: Tensor) -> Tensor:
    """Return the `count` `missing` links with the highest scores, those of equal ones by `keys`.

    So links without a path come last and at random. All are of one shape, as is the result.
    """
    ranks = torch.where(missing, scores.round(decimals=DIGITS), -1.0).flatten()
    shuffled = keys.flatten().sort(dim=0, stable=True).indices
    order = ranks[shuffled].sort(dim=0, descending=True, stable=True).indices
    return _mark(shuffled[order[:count]], missing)


def grow_softly(scores: Tensor, missing: Tensor, count: int, keys: Tensor) -> Tensor:
    """Return `count` `missing` links drawn in proportion to their scores, by uniform `keys`.

    Where fewer have a score above 0, every one is raised by `FLOOR`.
    """
    chances = torch.where(missing, scores.round(decimals=DIGITS), 0.0)
    if int((chances > 0).sum()) < count:
        chances = torch.where(missing, chances + FLOOR, 0.0)
    waits = (_exponential(keys) / chances).flatten()
    return _mark(waits.sort(dim=0, stable=True).indices[:count], missing)


def _exponential(keys: Tensor) -> Tensor:
    return -keys.double().clamp_min(TINY).log()


def _mark(places: Tensor, like: Tensor) -> Tensor:
    marked = torch.zeros(like.numel(), dtype=torch.bool, device=like.device)
    marked[places] = True
    return marked.view(like.shape)
