"""How much of a measure's variance each axis explains by itself: a functional ANOVA of a forest.

For plans that are not balanced, where means of values mix axes. Regression trees learn the measure
from the values; of each tree the variance over all combinations of values is split up exactly. It
describes the forest, so it is as good as `explained` says, and it counts combinations that the plan
leaves out. What an axis does only together with another is in neither's share.
Source: Hutter, Hoos and Leyton-Brown 2014, "An efficient approach for assessing hyperparameter
importance". Differs: an axis of many numbers is binned, and an axis that is off has a value of its
own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

TREES = 24
LEAST = 20
"""Rows that a forest is grown from at least."""
SMALLEST_LEAF = 3
"""Rows of a leaf at least; of many rows a hundredth part."""
BINS = 12
"""Values of an axis of numbers at most; more are put into bins of equally many rows."""
SEED = 0


@dataclass(frozen=True)
class AxisColumn:
    """The values of an axis, a row each; None where it is off. `ordered` ones are numbers."""

    name: str
    values: Sequence[float | str | None]
    ordered: bool


@dataclass(frozen=True)
class Importance:
    """Mean share of an axis in the variance over trees, 0..1, and its standard deviation."""

    name: str
    share: float
    spread: float


@dataclass(frozen=True)
class ForestImportance:
    """The axes, the most important first.

    `explained` is the share of the variance that trees predict of rows that they have not seen,
    at most 1; below 0 a constant predicts better.
    """

    axes: tuple[Importance, ...]
    explained: float
    rows: int


@dataclass(frozen=True)
class _Leaf:
    """The mean of a leaf, and the codes that it stands for, an array of booleans an axis."""

    mean: float
    box: tuple[Any, ...]


def forest_importance(
    axes: Sequence[AxisColumn], scores: Sequence[float]
) -> ForestImportance | None:
    """Return the importance of each axis; None from too few rows or where all scores are equal."""
    import numpy as np  # its import would take a tenth of a second

    target = np.asarray(scores, dtype=np.float64)
    if len(target) < LEAST or not axes or target.min() == target.max():
        return None
    columns = [_codes(axis) for axis in axes]
    codes = np.stack(columns, axis=1)
    rng = np.random.default_rng(SEED)
    shares, errors = [], []
    for _ in range(TREES):
        rows = rng.integers(len(target), size=len(target))
        leaves = list(_grow(codes[rows], target[rows], [axis.ordered for axis in axes], codes, rng))
        shares.append(_shares(leaves))
        errors.append(_error(leaves, codes, target, rows))
    return _summary(axes, np.array(shares), np.array(errors), target)


def _summary(axes: Sequence[AxisColumn], shares: Any, errors: Any, target: Any) -> ForestImportance:
    import numpy as np

    means, spreads = shares.mean(axis=0), shares.std(axis=0)
    order = np.argsort(-means, kind="stable")
    every = [Importance(axes[n].name, float(means[n]), float(spreads[n])) for n in order]
    explained = 1.0 - float(np.nanmean(errors)) / float(target.var())
    return ForestImportance(tuple(every), explained, len(target))


def _codes(axis: AxisColumn) -> Any:
    """Return a column as codes from 0; numbers in their order, those that are off last."""
    import numpy as np

    present = [value for value in axis.values if value is not None]
    levels = sorted(set(present)) if axis.ordered else list(dict.fromkeys(present))
    places = {value: place for place, value in enumerate(levels)}
    codes = np.array([len(levels) if each is None else places[each] for each in axis.values])
    if not axis.ordered or len(levels) <= BINS:
        return codes
    edges = np.quantile(codes, np.linspace(0, 1, BINS + 1)[1:-1])
    binned = np.searchsorted(edges, codes, side="right")
    return np.where(codes == len(levels), BINS, binned)


def _grow(
    codes: Any, target: Any, ordered: Sequence[bool], whole: Any, rng: Any
) -> Iterator[_Leaf]:
    """Yield the leaves of a tree: at each node the best of five sixths of the axes splits."""
    import numpy as np

    leaf = max(SMALLEST_LEAF, len(target) // 100)
    box = tuple(np.ones(int(column.max()) + 1, dtype=bool) for column in whole.T)
    columns = [np.ascontiguousarray(column) for column in codes.T]
    stack = [(np.arange(len(target)), box)]
    while stack:
        rows, box = stack.pop()
        tried = rng.permutation(codes.shape[1])[: -(-5 * codes.shape[1] // 6)]
        own = target[rows] - target[rows].mean()
        splits = [_split(columns[n][rows], own, box[n], ordered[n], leaf) for n in tried]
        gain, left, n = max(
            ((gain, left, n) for n, (gain, left) in zip(tried, splits, strict=True)),
            key=lambda each: each[0],
        )
        if gain <= 0:
            yield _Leaf(float(target[rows].mean()), box)
            continue
        goes = left[columns[n][rows]]
        stack.append((rows[goes], _with(box, n, box[n] & left)))
        stack.append((rows[~goes], _with(box, n, box[n] & ~left)))


def _with(box: tuple[Any, ...], n: int, codes: Any) -> tuple[Any, ...]:
    return (*box[:n], codes, *box[n + 1 :])


def _split(column: Any, target: Any, inside: Any, ordered: bool, leaf: int) -> tuple[float, Any]:
    """Return how much squared error the best split of an axis saves, and the codes to its left.

    The mean of the `target` is 0.
    Codes of an axis without an order are ordered by their means, which is as good as to try all
    subsets. Source: Breiman, Friedman, Olshen and Stone 1984, section 4.2.2.
    """
    import numpy as np

    size = len(inside)
    counts = np.bincount(column, minlength=size)
    sums = np.bincount(column, weights=target, minlength=size)
    means = np.divide(sums, counts, out=np.zeros(size), where=counts > 0)
    order = np.arange(size) if ordered else np.argsort(means, kind="stable")
    below, total = np.cumsum(counts[order])[:-1], counts.sum()
    part = np.cumsum(sums[order])[:-1]
    allowed = (below >= leaf) & (total - below >= leaf)
    if not allowed.any():
        return 0.0, inside
    gains = np.where(allowed, part**2 * total / np.maximum(1, below * (total - below)), 0.0)
    best = int(gains.argmax())
    left = np.zeros(size, dtype=bool)
    left[order[: best + 1]] = True
    return float(gains[best]), left


def _shares(leaves: Sequence[_Leaf]) -> Any:
    """Return each axis's share in the variance of a tree over all combinations of codes."""
    import numpy as np

    means = np.array([leaf.mean for leaf in leaves])
    masks = [np.stack(column) for column in zip(*(leaf.box for leaf in leaves), strict=True)]
    widths = np.stack([mask.mean(axis=1) for mask in masks], axis=1)
    volumes = widths.prod(axis=1)
    mean = float(volumes @ means)
    variance = float(volumes @ (means - mean) ** 2)
    if variance <= 0:
        return np.zeros(len(masks))
    marginals = [
        (means * volumes / width) @ mask for mask, width in zip(masks, widths.T, strict=True)
    ]
    return np.array([float(((each - mean) ** 2).mean()) / variance for each in marginals])


def _error(leaves: Sequence[_Leaf], codes: Any, target: Any, rows: Any) -> float:
    """Return the mean squared error of a tree on the rows that it was not grown from."""
    import numpy as np

    unseen = np.setdiff1d(np.arange(len(target)), rows)
    if not len(unseen):
        return float("nan")
    guess = np.zeros(len(unseen))
    for leaf in leaves:
        inside = np.ones(len(unseen), dtype=bool)
        for n, mask in enumerate(leaf.box):
            inside &= mask[codes[unseen, n]]
        guess[inside] = leaf.mean
    return float(((guess - target[unseen]) ** 2).mean())
