"""First links of a layer by a model of networks, not by what the network is trained on.

A layer is a bipartite graph (units, inputs). The nodes of one side stand evenly around a ring of
those of the other, and are linked with what is near. `randomness`, 0 to 1, leads from there to
links anywhere. All have an exact number of links, which the nodes share as evenly as it goes.
`keys`, uniform in [0, 1) in the layer's shape, are all that is random.

Source: Zhang et al. 2025, Brain network science modelling of sparse neural networks, arXiv
2501.19107, and its public code.
Differs: the nodes that get one link more than others are spread evenly, and not drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-12
"""No key counts as less, since 0 has no logarithm."""


def link_receptive_fields(keys: Tensor, count: int, randomness: float) -> Tensor:
    """Return a bipartite receptive field (BRF) of `count` links, bool in the shape of `keys`.

    Each node of the smaller side has those of the larger drawn in proportion to (1 + d)^-a at the
    distance d, where a = (1 - r) / r for the randomness r; for 0 those that are nearest.
    """
    rows, turned = _smaller_first(keys)
    small, large = rows.shape
    centres = torch.arange(small, device=keys.device) * (large // small)
    distances = _around(centres[:, None] - torch.arange(large, device=keys.device), large)
    if randomness == 0:
        waits = distances + rows  # of equally near ones the lower key
    else:
        slope = (1 - randomness) / randomness
        waits = (-rows.clamp_min(TINY).log()).log() + slope * distances.log1p()
    linked = _shortest(waits, _even_degrees(small, count, keys.device))
    return _turned_back(linked, turned, keys)


def link_small_world(keys: Tensor, count: int, randomness: float) -> Tensor:
    """Return a bipartite small world (BSW) of `count` links, bool in the shape of `keys`.

    Each node of the larger side has a window of the smaller. Then each link is rewired with the
    chance `randomness`, to any place that is free.
    """
    rows, turned = _smaller_first(keys)
    small, large = rows.shape
    degrees = _even_degrees(large, count, keys.device)
    starts = torch.arange(large, device=keys.device) * small / large - degrees / 2
    offsets = torch.arange(small, device=keys.device)[:, None] - starts.trunc().long()
    linked = offsets.remainder(small) < degrees
    gone = linked & (rows < randomness)
    uniform = torch.where(gone, rows / max(randomness, TINY), rows)
    kept = linked & ~gone
    free = torch.where(kept, torch.inf, uniform).flatten()
    grown = torch.zeros_like(free, dtype=torch.bool)
    grown[free.sort(dim=0, stable=True).indices[: int(gone.sum())]] = True
    return _turned_back(kept | grown.view_as(kept), turned, keys)


def _smaller_first(keys: Tensor) -> tuple[Tensor, bool]:
    """Return keys (smaller side, larger side) in float64, and whether they have been transposed."""
    rows = keys.flatten(1).double()
    turned = rows.shape[0] > rows.shape[1]
    return (rows.T if turned else rows), turned


def _turned_back(linked: Tensor, turned: bool, keys: Tensor) -> Tensor:
    return (linked.T if turned else linked).reshape(keys.shape)


def _around(distances: Tensor, size: int) -> Tensor:
    """Return distances on a ring of so many places."""
    ahead = distances.abs()
    return torch.minimum(ahead, size - ahead)


def _even_degrees(nodes: int, count: int, device: torch.device) -> Tensor:
    """Return degrees (nodes,) that sum to `count`, of two sizes at most, spread evenly."""
    bounds = torch.arange(nodes + 1, device=device) * count // nodes
    return bounds.diff()


def _shortest(waits: Tensor, degrees: Tensor) -> Tensor:
    """Return the shortest of each row of `waits`, as many as `degrees` says: bool."""
    ranks = waits.sort(dim=1, stable=True).indices.argsort(dim=1)
    return ranks < degrees[:, None]
