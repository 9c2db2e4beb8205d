"""How many weights of each layer are live, in whole numbers: for pruning and for sparse starts.

One rule serves both, so that a network that is pruned to 0.7 and one that begins at a density of
0.3 have the same number of weights in every layer. All weights have `round(density * weights)`
live ones between them, which the layers share in proportion by the method of largest remainders:
each part is rounded down, and what is left over goes to the largest remainders, to the first layer
on a tie.

Live weights are what is counted and rounded, and what is pruned is the rest, because arms are
compared by their live parameters; and of two layers with equal claims the one nearer to the input
keeps the weight. A sparsity of 0.71 and a density of 0.29 are one share although 1 - 0.71 is more
than 0.29 in binary: numbers of weights are taken to a millionth before they are rounded.

Source: largest remainders are Hamilton's method of apportionment.
Differs: RigL's code rounds layer by layer, so that the whole misses the target by up to a weight a
layer; its uniform allocation keeps the first layer dense, and `uniform` here does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

Allocation = Literal["global", "uniform", "per_layer", "per_unit", "er", "erk", "depth"]
"""`uniform` and `per_layer` are one: the symbols of sparse starts and of pruning differ.

`per_unit` gives layers the same numbers, and the units of a layer (units, ...) equal shares."""
Shape = Sequence[int]


class Segment(NamedTuple):
    """Of the scores `start` to `stop` of all layers in a row, the `pruned` smallest go."""

    start: int
    stop: int
    pruned: int


def segments(allocation: Allocation, shapes: Sequence[Shape], sparsity: float) -> list[Segment]:
    """Return what to remove from layers of these shapes to reach `sparsity` in [0, 1].

    All but `live_total` weights go, except by depth, whose shares do not average to `sparsity`.
    """
    sizes = [math.prod(shape) for shape in shapes]
    if allocation == "global":
        total = sum(sizes)
        return [Segment(0, total, total - live_total(total, 1 - sparsity))]
    pruned = pruned_counts(allocation, shapes, sparsity)
    parts = zip(accumulate(sizes), sizes, pruned, strict=True)
    layers = [Segment(stop - size, stop, count) for stop, size, count in parts]
    if allocation != "per_unit":
        return layers
    return [row for layer, shape in zip(layers, shapes, strict=True) for row in _rows(layer, shape)]


def _rows(layer: Segment, shape: Shape) -> list[Segment]:
    """Return a segment for each unit of a layer (units, ...); they share what is live equally."""
    units, inputs = shape[0], math.prod(shape[1:])
    live = round_to_sum(
        [(units * inputs - layer.pruned) / units] * units, units * inputs - layer.pruned
    )
    starts = range(layer.start, layer.stop, inputs)
    return [Segment(a, a + inputs, inputs - n) for a, n in zip(starts, live, strict=True)]


def pruned_counts(allocation: Allocation, shapes: Sequence[Shape], sparsity: float) -> list[int]:
    """Return how many weights each layer loses at `sparsity`, for all allocations but `global`."""
    if allocation == "depth":
        return by_depth(shapes, sparsity)
    live = live_counts(allocation, shapes, 1 - sparsity)
    return [math.prod(shape) - count for shape, count in zip(shapes, live, strict=True)]


def by_depth(shapes: Sequence[Shape], sparsity: float) -> list[int]:
    """Return a share of min(0.95, sparsity * (0.7 + 0.6 i / (L - 1))) of layer i of L, rounded.

    Source: the earlier AdamWPrune code's bitter4. Differs: a single layer has the plain sparsity.
    """
    last = len(shapes) - 1
    factors = [0.7 + 0.6 * i / last if last else 1.0 for i in range(len(shapes))]
    pairs = zip(factors, shapes, strict=True)
    return [round(min(0.95, sparsity * factor) * math.prod(shape)) for factor, shape in pairs]


def live_total(weights: int, density: float) -> int:
    """Return how many of so many weights are live at `density` in [0, 1], half of one to even."""
    return round(round(density * weights, 6))


def live_counts(allocation: Allocation, shapes: Sequence[Shape], density: float) -> list[int]:
    """Return the live weights of layers of these shapes; they sum to `live_total`.

    `density` is the share of live weights, in [0, 1]. A layer whose part by `er` or `erk` would be
    more than all of it is left dense, and the others share the rest. Raises KeyError for `global`
    and `depth`, which are no shares of a number of weights.
    """
    sizes = [math.prod(shape) for shape in shapes]
    parts = [PARTS[allocation](shape) for shape in shapes]
    return apportion(live_total(sum(sizes), density), parts, sizes)


def apportion(total: int, parts: Sequence[float], room: Sequence[int]) -> list[int]:
    """Return whole numbers that sum to `total`, in proportion to `parts`, none above its `room`.

    What a full one cannot take the others share. Where all that is left has parts of 0 it is
    shared by room. `total` must be at most the sum of `room`, and parts finite and not negative.
    """
    assert total <= sum(room), f"{total} do not fit where there is room for {sum(room)}"
    full: set[int] = set()
    while True:
        shares = _shares(total, parts, room, full)
        over = {i for i, share in enumerate(shares) if i not in full and share > room[i]}
        if not over:
            return round_to_sum(shares, total)
        full |= over


def fill_equally(total: int, parts: Sequence[float], room: Sequence[int]) -> list[int]:
    """Return whole numbers that sum to `total`, in proportion to `parts`, none above its `room`.

    What the full ones cannot take the others get in equal parts. `parts` must sum to 1.
    """
    assert total <= sum(room), f"{total} do not fit where there is room for {sum(room)}"
    shares = [total * part for part in parts]
    while True:
        full = {i for i, share in enumerate(shares) if share >= room[i]}
        excess = math.fsum(shares[i] - room[i] for i in full)
        if excess <= 1e-9 or len(full) == len(shares):
            return round_to_sum([min(s, r) for s, r in zip(shares, room, strict=True)], total)
        equal = excess / (len(shares) - len(full))
        shares = [room[i] if i in full else share + equal for i, share in enumerate(shares)]


def _shares(total: int, parts: Sequence[float], room: Sequence[int], full: set[int]) -> list[float]:
    """Return all of the room of those that are full and the others' shares, unrounded."""
    rest = total - sum(room[i] for i in full)
    open_parts = [0.0 if i in full else part for i, part in enumerate(parts)]
    if not any(open_parts):
        open_parts = [0.0 if i in full else float(size) for i, size in enumerate(room)]
    unit = rest / (math.fsum(open_parts) or 1.0)
    return [float(room[i]) if i in full else unit * part for i, part in enumerate(open_parts)]


def round_to_sum(shares: Sequence[float], total: int) -> list[int]:
    """Return whole numbers near `shares` that sum to `total`, itself the rounded sum of `shares`.

    Each is rounded down; what is missing goes to the largest remainders, the first on a tie.
    """
    counts = [math.floor(share + 1e-9) for share in shares]  # 0.29 * 100 is 28.999...
    missing = total - sum(counts)
    by_remainder = sorted(range(len(shares)), key=lambda i: (counts[i] - shares[i], i))
    for i in by_remainder[:missing]:
        counts[i] += 1
    return counts


def _weights(shape: Shape) -> float:
    """Return the weights of a layer: the same share of each."""
    return float(math.prod(shape))


def _er(shape: Shape) -> float:
    """Return outputs plus inputs, once for each place of the kernel.

    Source: Mocanu et al. 2018, Scalable training of artificial neural networks with adaptive
    sparse connectivity, equation 3, as Evci et al. 2020 apply it to convolutions.
    """
    return float(sum(shape[:2]) * math.prod(shape[2:]))


def _erk(shape: Shape) -> float:
    """Return the sum of outputs, inputs and both sides of the kernel.

    Source: Evci et al. 2020, Rigging the Lottery, arXiv 1911.11134, section 3.
    """
    return float(sum(shape))


PARTS: dict[Allocation, Callable[[Shape], float]] = {
    "uniform": _weights,
    "per_layer": _weights,
    "per_unit": _weights,
    "er": _er,
    "erk": _erk,
}
