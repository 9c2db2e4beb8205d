"""The masks of the published dendritic networks: what their dendrites see, and what their somas.

Source: Chavlis and Poirazi 2025, "Dendrites endow artificial neural networks with accurate, robust
and parameter-efficient learning", Nature Communications 16:943; `receptive_fields.py` and
`make_masks` of Poirazi-Lab/dendritic_anns.
Differs: drawn by torch, so not the same fields for the same seed; there, dendrites of global fields
all draw from the same seed, here each draws anew.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Inputs: TypeAlias = Literal["random", "global", "local", "all"]
Somas: TypeAlias = Literal["own", "random", "all"]
Grid: TypeAlias = tuple[int, int]  # rows, columns


def draw_inputs(kind: Inputs, grid: Grid, neurons: int, dendrites: int, synapses: int) -> Tensor:
    """Draw which places of a grid the dendrites see: (neurons * dendrites, places) bool.

    With `random`, `synapses` is the mean of a dendrite; with `all` it has no effect. A `global`
    field is that of a soma, and its dendrites have theirs around places within it; a `local` one is
    a dendrite's own. Raises ValueError for more synapses, or dendrites around a soma, than places.
    """
    units, places = neurons * dendrites, math.prod(grid)
    if kind == "all":
        return torch.ones(units, places, dtype=torch.bool, device="cpu")
    if kind == "random":
        return draw_edges(units, places, units * synapses)
    centres = _draw_places(grid, neurons if kind == "global" else units)
    if kind == "global":
        centres = draw_fields(grid, centres, dendrites).nonzero()[:, 1]
    return draw_fields(grid, centres, synapses)


def draw_fields(grid: Grid, centres: Tensor, count: int) -> Tensor:
    """Draw `count` places around each of the `centres` (n,) int64: (n, places) bool.

    They are any of the centre's neighbourhood of 3x3 places. If it is too small, all of it, and any
    of the rings around it, of as many as are needed. Raises ValueError for more than there are.
    """
    _check(count, math.prod(grid))
    rings = _measure_rings(grid, centres)  # (n, places); 1 in the neighbourhood
    outermost = rings.sort(dim=1).values[:, count - 1 : count]
    tier = 1 + (rings > 1).int() + (rings > outermost.clamp_min(1)).int()
    keys = tier + torch.rand(rings.shape, device="cpu")
    chosen = keys.topk(count, dim=1, largest=False).indices
    return torch.zeros(rings.shape, dtype=torch.bool, device="cpu").scatter_(1, chosen, True)


def draw_edges(outputs: int, inputs: int, count: int) -> Tensor:
    """Draw `count` of all edges, all sets alike: (outputs, inputs) bool. Raises ValueError."""
    _check(count, outputs * inputs)
    mask = torch.zeros(outputs * inputs, dtype=torch.bool, device="cpu")
    mask[torch.randperm(len(mask), device="cpu")[:count]] = True
    return mask.view(outputs, inputs)


def draw_somas(kind: Somas, neurons: int, dendrites: int) -> Tensor:
    """Draw which dendrites the somas see: (neurons, neurons * dendrites) bool.

    Each its `own`, neuron n the dendrites n D to n D + D - 1; `random` ones, as many over all
    somas; or `all`.
    """
    units = neurons * dendrites
    if kind == "random":
        return draw_edges(neurons, units, units)
    if kind == "all":
        return torch.ones(neurons, units, dtype=torch.bool, device="cpu")
    owner = torch.arange(units, device="cpu") // dendrites
    return owner == torch.arange(neurons, device="cpu")[:, None]


def arrange_grid(units: int) -> Grid:
    """Return the grid, as square as can be, of the somas that a further layer sees."""
    divisors = [d for d in range(1, units + 1) if units % d == 0]
    larger = divisors[len(divisors) // 2]
    return larger, units // larger


def _draw_places(grid: Grid, count: int) -> Tensor:
    rows, columns = (torch.randint(side, (count,), device="cpu") for side in grid)
    return rows * grid[1] + columns


def _measure_rings(grid: Grid, centres: Tensor) -> Tensor:
    """Return how many rings each place is from each centre, 1 in the neighbourhood of 3x3."""
    sides = (torch.arange(side, device="cpu") for side in grid)
    place = torch.cartesian_prod(*sides)
    away = (place[centres][:, None] - place).abs().amax(dim=2)
    return away.clamp_min(1)


def _check(count: int, limit: int) -> None:
    if not 1 <= count <= limit:
        raise ValueError(f"must be in 1..{limit}: {count}")
