"""How many weights of each layer are live at a density: exact whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from espalier.sparse.allocation import Shape, apportion

Allocation = Literal["uniform", "er", "erk"]


def live_counts(allocation: Allocation, shapes: Sequence[Shape], density: float) -> list[int]:
    """Live weights of layers of these shapes; they sum to `round(density * weights)`.

    `density` is the share of live weights, in (0, 1]. A layer whose part by `er` or `erk` would be
    more than all of it is left dense, and the others share the rest.
    """
    sizes = [math.prod(shape) for shape in shapes]
    parts = [PARTS[allocation](shape) for shape in shapes]
    return spread(round(density * sum(sizes)), parts, sizes)


def spread(total: int, parts: Sequence[float], room: Sequence[int]) -> list[int]:
    """Whole numbers that sum to `total`, in proportion to `parts`, none above its `room`.

    What a full one cannot take the others share. Where all that is left has parts of 0 it is
    shared by room. `total` must be at most the sum of `room`, and parts finite and not negative.
    """
    assert total <= sum(room), f"{total} do not fit where there is room for {sum(room)}"
    full: set[int] = set()
    while True:
        shares = _shares(total, parts, room, full)
        over = {i for i, share in enumerate(shares) if i not in full and share > room[i]}
        if not over:
            return apportion(shares, total)
        full |= over


def _shares(total: int, parts: Sequence[float], room: Sequence[int], full: set[int]) -> list[float]:
    """All of the room of those that are full; of the rest, the others' shares, unrounded."""
    rest = total - sum(room[i] for i in full)
    open_parts = [0.0 if i in full else part for i, part in enumerate(parts)]
    if not any(open_parts):
        open_parts = [0.0 if i in full else float(size) for i, size in enumerate(room)]
    unit = rest / (math.fsum(open_parts) or 1.0)
    return [float(room[i]) if i in full else unit * part for i, part in enumerate(open_parts)]


def _kernel(shape: Shape) -> float:
    """Outputs plus inputs, once for each place of the kernel.

    Source: Mocanu et al. 2018, Scalable training of artificial neural networks with adaptive
    sparse connectivity, equation 3, as Evci et al. 2020 apply it to convolutions.
    """
    return float(sum(shape[:2]) * math.prod(shape[2:]))


def _sum(shape: Shape) -> float:
    """Outputs, inputs and both sides of the kernel.

    Source: Evci et al. 2020, Rigging the Lottery, arXiv 1911.11134, section 3.
    """
    return float(sum(shape))


PARTS: dict[Allocation, Callable[[Shape], float]] = {
    "uniform": lambda shape: float(math.prod(shape)),
    "er": _kernel,
    "erk": _sum,
}
