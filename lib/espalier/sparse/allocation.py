"""How the weights to remove are spread over the layers, in whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

Allocation = Literal["global", "per_layer", "erk", "depth"]
Shape = Sequence[int]


class Segment(NamedTuple):
    """Of the scores `start` to `stop` of all layers in a row, the `pruned` smallest go."""

    start: int
    stop: int
    pruned: int


def segments(allocation: Allocation, shapes: Sequence[Shape], sparsity: float) -> list[Segment]:
    """What to remove from layers of these shapes to reach `sparsity` in [0, 1].

    The counts sum to `round(sparsity * weights)`, except by depth, whose shares do not average
    to `sparsity`.
    """
    sizes = [math.prod(shape) for shape in shapes]
    if allocation == "global":
        return [Segment(0, sum(sizes), round(sparsity * sum(sizes)))]
    counts = PER_LAYER[allocation](shapes, sparsity)
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return [Segment(a, a + n, k) for a, n, k in zip(starts, sizes, counts, strict=True)]


def uniform(shapes: Sequence[Shape], sparsity: float) -> list[int]:
    """The same share of each layer."""
    sizes = [math.prod(shape) for shape in shapes]
    return apportion([sparsity * size for size in sizes], round(sparsity * sum(sizes)))


def by_depth(shapes: Sequence[Shape], sparsity: float) -> list[int]:
    """A share of min(0.95, sparsity * (0.7 + 0.6 i / (L - 1))) of layer i of L, rounded.

    Source: the earlier AdamWPrune code's bitter4. Differs: a single layer has the plain sparsity.
    """
    last = len(shapes) - 1
    factors = [0.7 + 0.6 * i / last if last else 1.0 for i in range(len(shapes))]
    pairs = zip(factors, shapes, strict=True)
    return [round(min(0.95, sparsity * factor) * math.prod(shape)) for factor, shape in pairs]


def erk(shapes: Sequence[Shape], sparsity: float) -> list[int]:
    """Density in proportion to sum(shape) / prod(shape), layers that would exceed 1 kept dense.

    Source: Evci et al. 2020, Rigging the Lottery, arXiv 1911.11134, section 3.
    """
    sizes = [math.prod(shape) for shape in shapes]
    kept = (1 - sparsity) * sum(sizes)
    dense: set[int] = set()
    while len(dense) < len(shapes):
        rest = [i for i in range(len(shapes)) if i not in dense]
        unit = (kept - sum(sizes[i] for i in dense)) / sum(sum(shapes[i]) for i in rest)
        full = {i for i in rest if unit * sum(shapes[i]) >= sizes[i]}
        if not full:
            shares = [0.0 if i in dense else n - unit * sum(shapes[i]) for i, n in enumerate(sizes)]
            return apportion(shares, round(sparsity * sum(sizes)))
        dense |= full
    return [0] * len(shapes)


def apportion(shares: Sequence[float], total: int) -> list[int]:
    """Whole numbers near `shares` that sum to `total`, itself the rounded sum of `shares`.

    Each is rounded down; what is missing goes to the largest remainders, the first on a tie.
    """
    counts = [math.floor(share + 1e-9) for share in shares]  # 0.29 * 100 is 28.999...
    missing = total - sum(counts)
    by_remainder = sorted(range(len(shares)), key=lambda i: (counts[i] - shares[i], i))
    for i in by_remainder[:missing]:
        counts[i] += 1
    return counts


PER_LAYER: dict[Allocation, Callable[[Sequence[Shape], float], list[int]]] = {
    "per_layer": uniform,
    "erk": erk,
    "depth": by_depth,
}
