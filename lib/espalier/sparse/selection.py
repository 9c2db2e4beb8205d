"""Selection of edges to drop and to grow: exact counts, the same on every machine.

A layer is (outputs, ...), so that a row holds the edges that lead into one of its units, unless an
orientation says how it lies. Ties are decided by position.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from espalier.sparse.orientation import ROWS, Orientation
from espalier.sparse.threshold import mark_smallest

LARGEST = torch.finfo(torch.float32).max


def select_per_unit(keys: Tensor, count: int) -> Tensor:
    """Return the `count` edges with the highest `keys`, which are above 0: (outputs, ...) bool.

    Every unit gets its best edge if there are enough for that.
    """
    first = _best_of_rows(keys) if count >= len(keys) else torch.zeros_like(keys, dtype=torch.bool)
    return select_smallest(torch.where(first, -math.inf, -keys), count)


def select_weakest(
    weight: Tensor, live: Tensor, count: int, orientation: Orientation = ROWS
) -> Tensor:
    """Return the `count` smallest |w| of what may go, or all of that: bool in its shape."""
    free = select_droppable(weight, live, orientation)
    keys = torch.where(free, magnitudes(weight), math.inf)
    return select_smallest(keys, min(count, int(free.sum())))


def select_droppable(weight: Tensor, live: Tensor, orientation: Orientation = ROWS) -> Tensor:
    """Return the live edges of a layer that may go: bool in the weight's shape.

    Where a layer has an edge for each of its units, the largest of each unit stays. If that holds
    in every layer every output is reached from some input. Otherwise one edge of the layer stays.
    """
    keys = orientation.by_unit(torch.where(live, magnitudes(weight), -1.0))
    units = keys if int(live.sum()) >= len(keys) else keys.reshape(1, -1)
    return live & ~orientation.as_stored(_best_of_rows(units).view(keys.shape))


def select_missing(scores: Tensor, missing: Tensor, count: int) -> Tensor:
    """Return the `count` `missing` edges with the highest `scores`: (outputs, ...) bool."""
    finite = scores.float().nan_to_num(0.0, LARGEST, -LARGEST)
    return select_smallest(torch.where(missing, -finite, math.inf), count)


def magnitudes(weight: Tensor) -> Tensor:
    """Return |w| in float32, in its shape, every one finite."""
    return weight.detach().float().abs().nan_to_num_(LARGEST, LARGEST)


def select_smallest(keys: Tensor, count: int) -> Tensor:
    """Return the `count` smallest of `keys`, as bool in their shape."""
    selected = torch.empty(keys.numel(), dtype=torch.bool, device=keys.device)
    mark_smallest(keys.float().flatten(), count, selected)
    return selected.view(keys.shape)


def _best_of_rows(keys: Tensor) -> Tensor:
    """(outputs, ...) bool: the highest of `keys` of each row, if that is not negative."""
    rows = keys.flatten(1)
    best = rows.max(1, keepdim=True)
    marked = torch.zeros_like(rows, dtype=torch.bool).scatter_(1, best.indices, best.values >= 0)
    return marked.view(keys.shape)
