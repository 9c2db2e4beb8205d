"""Which edges of a layer go and which come: exact counts, the same on every machine.

A layer is (outputs, ...): a row holds the edges that lead into one of its units. Everything is a
row of all of them. Ties are decided by position.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from espalier.sparsity.threshold import mark_smallest

LARGEST = torch.finfo(torch.float32).max


def drawn(keys: Tensor, count: int) -> Tensor:
    """(outputs, ...) bool: the `count` edges with the highest of `keys`, which are above 0.

    Every unit gets its best edge if there are enough for that.
    """
    first = _best_of_rows(keys) if count >= len(keys) else torch.zeros_like(keys, dtype=torch.bool)
    return smallest(torch.where(first, -math.inf, -keys), count)


def weakest(weight: Tensor, live: Tensor, count: int) -> Tensor:
    """(outputs, ...) bool: the `count` smallest |w| of what may go; all of that if it is fewer."""
    free = spare(weight, live)
    keys = torch.where(free, magnitudes(weight), math.inf)
    return smallest(keys, min(count, int(free.sum())))


def spare(weight: Tensor, live: Tensor) -> Tensor:
    """(outputs, ...) bool: live edges of a layer that may go.

    Where a layer has an edge for each of its units, the largest of each unit stays. If that holds
    in every layer every output is reached from some input. Otherwise one edge of the layer stays.
    """
    keys = torch.where(live, magnitudes(weight), -1.0)
    units = keys if int(live.sum()) >= len(live) else keys.view(1, -1)
    return live & ~_best_of_rows(units).view(live.shape)


def most_wanted(scores: Tensor, missing: Tensor, count: int) -> Tensor:
    """(outputs, ...) bool: the `count` edges with the highest of `scores` that are `missing`."""
    known = scores.float().nan_to_num(0.0, LARGEST, -LARGEST)
    return smallest(torch.where(missing, -known, math.inf), count)


def magnitudes(weight: Tensor) -> Tensor:
    """|w| in float32, in its shape, every one finite."""
    return weight.detach().float().abs().nan_to_num_(LARGEST, LARGEST)


def smallest(keys: Tensor, count: int) -> Tensor:
    """Bool in the shape of `keys`: the `count` smallest."""
    found = torch.empty(keys.numel(), dtype=torch.bool, device=keys.device)
    mark_smallest(keys.float().flatten(), count, found)
    return found.view(keys.shape)


def _best_of_rows(keys: Tensor) -> Tensor:
    """(outputs, ...) bool: the highest of `keys` of each row, if that is not negative."""
    rows = keys.flatten(1)
    best = rows.max(1, keepdim=True)
    marked = torch.zeros_like(rows, dtype=torch.bool).scatter_(1, best.indices, best.values >= 0)
    return marked.view(keys.shape)
