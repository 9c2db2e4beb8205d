"""Masks of a pruner against a plain sort: steps with a difference, over random networks.

    python benchmarks/masks_against_sort.py [--json FILE] [--networks 285]

Each network has layers of random shapes, up to 400,000 weights, an allocation and a target at
random; its pruner acts 30 times, on scores of one kind: continuous, on few values (ties), with
many zeros, or with NaN and infinities. Against it stands numpy's sort by three keys: the score,
NaN last; pruned before, those first; position. A step is all masks of a network, compared bit by
bit. Selection by gradient, by smallest magnitude and by unit are compared the same way, a tenth as
often.
"""

from __future__ import annotations

import math
import random

import measuring
import numpy as np
import torch
from measuring import Figure
from numpy.typing import NDArray

from espalier.sparse.allocation import Allocation, segments
from espalier.sparse.pruner import Pruner
from espalier.sparse.schedule import Schedule
from espalier.sparse.scores import Scores
from espalier.sparse.selection import select_missing, select_per_unit, select_weakest

STEPS = 30
ALLOCATIONS: tuple[Allocation, ...] = ("global", "per_layer", "erk", "depth")
KINDS = ("continuous", "ties", "zeros", "nan")
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]


def scores_of(kind: str, size: int, draw: np.random.Generator) -> Floats:
    """Random scores (size,) float32."""
    made = draw.standard_normal(size).astype(np.float32)
    if kind == "ties":
        return np.round(made * 2) / 2
    if kind == "zeros":
        made[draw.random(size) < 0.7] = 0.0
    if kind == "nan":
        for value in (math.nan, math.inf, -math.inf, -0.0):
            made[draw.random(size) < 0.1] = value
    return made


def smallest(scores: Floats, count: int, first: Bools) -> Bools:
    """The `count` smallest by a plain sort."""
    keys = (~first, np.where(np.isnan(scores), 0.0, scores + 0.0), np.isnan(scores))
    chosen = np.zeros(len(scores), dtype=bool)
    chosen[np.lexsort(keys)[:count]] = True
    return chosen


def shapes_of(draw: random.Random) -> list[tuple[int, ...]]:
    """Layers of 2 to 5 dimensions, seldom one that is large."""
    shapes = [
        tuple(draw.randint(1, 12) for _ in range(draw.choice([2, 2, 3, 4, 5])))
        for _ in range(draw.randint(1, 5))
    ]
    return [*shapes, (draw.randint(500, 800), 500)] if draw.random() < 0.04 else shapes


def pruner_differs(seed: int) -> int:
    """How many of the steps of one network differ from the sort."""
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    shapes, allocation = shapes_of(draw), draw.choice(ALLOCATIONS)
    kind, target = draw.choice(KINDS), draw.uniform(0.05, 0.98)
    weights = [torch.ones(shape, requires_grad=True) for shape in shapes]
    optimizer = torch.optim.SGD(weights, lr=0.1)
    named = {str(i): weight for i, weight in enumerate(weights)}
    pruner = Pruner(named, Schedule(target, 0, STEPS, 1), allocation)
    before = np.zeros(pruner.masks.size, dtype=bool)
    differing = 0
    for step in range(1, STEPS + 1):
        row = scores_of(kind, pruner.masks.size, numbers)
        parts = torch.split(torch.from_numpy(row), pruner.masks.sizes)
        scores = Scores(lambda x, out: out.copy_(x), [(part,) for part in parts])
        pruner.after_step(step, optimizer, lambda scores=scores: scores)
        expected = np.concatenate(
            [
                smallest(row[a:b], count, before[a:b])
                for a, b, count in segments(allocation, shapes, pruner.schedule.sparsity(step))
            ]
        )
        assert pruner.masks.mask is not None
        before = pruner.masks.mask.numpy().copy()
        differing += not np.array_equal(before, expected)
    return differing


def selection_differs(seed: int) -> int:
    """How many of three selections from one layer differ from the sort."""
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    shape = (draw.randint(1, 12), draw.randint(1, 30))
    size = math.prod(shape)
    keys = scores_of(draw.choice(KINDS[:3]), size, numbers)
    live = numbers.random(size) < 0.5
    count, none = draw.randint(0, int((~live).sum())), np.zeros(size, dtype=bool)
    tensor, mask = torch.from_numpy(keys).view(shape), torch.from_numpy(live).view(shape)
    grown = smallest(np.where(live, np.inf, -keys), count, none)
    differing = [select_missing(tensor, ~mask, count).flatten().numpy() != grown]

    sizes = np.where(live, np.abs(keys), -1.0).astype(np.float32).reshape(shape)
    rows = sizes if live.sum() >= shape[0] else sizes.reshape(1, -1)
    best = np.zeros_like(rows, dtype=bool)
    best[range(len(rows)), rows.argmax(1)] = rows.max(1) >= 0
    free = live & ~best.ravel()
    less = min(draw.randint(0, size), int(free.sum()))
    gone = smallest(np.where(free, np.abs(keys), np.inf).astype(np.float32), less, none)
    differing.append(select_weakest(tensor, mask, less).flatten().numpy() != gone)

    positive = numbers.random(size).astype(np.float32).reshape(shape)
    number = draw.randint(0, size)
    top = np.zeros(shape, dtype=bool)
    if number >= shape[0]:
        top[range(shape[0]), positive.argmax(1)] = True
    drawn = smallest(np.where(top, -np.inf, -positive).ravel(), number, none)
    chosen = select_per_unit(torch.from_numpy(positive), number).flatten().numpy()
    return sum(bool(x.any()) for x in [*differing, chosen != drawn])


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--networks", type=int, default=285, help="(default: %(default)s)")
    args = parser.parse_args()
    seeds = range(args.networks)
    masks, selections = [pruner_differs(s) for s in seeds], [selection_differs(s) for s in seeds]
    figures = [
        Figure("mask steps compared", [STEPS * args.networks], ""),
        Figure("mask steps that differ from a sort", [sum(masks)], "", "<= 0"),
        Figure("selections compared", [3 * args.networks], ""),
        Figure("selections that differ from a sort", [sum(selections)], "", "<= 0"),
    ]
    measuring.tell(args, figures)


if __name__ == "__main__":
    main()
