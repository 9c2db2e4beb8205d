"""The order of pixels, characters or classes in each task of a sequence, abrupt or gradual."""

from __future__ import annotations

import torch
from torch import Tensor

from espalier.train.engine import seeds


def task_order(places: int, seed: int, task: int, share: float) -> Tensor:
    """Return the order of a task, from 0: (places,) int64.

    With `share` 1 each task from 1 has a permutation of its own. Else a share of the places, at
    least two, is drawn before each task and goes round in a circle: so many move, the rest stays.
    """
    if task == 0:
        return torch.arange(places)
    return permutation(places, seed, task) if share == 1 else _moved(places, seed, task, share)


def permutation(places: int, seed: int, task: int) -> Tensor:
    """Return the order of a task by itself: (places,) int64, whatever that of others is."""
    generator = torch.Generator().manual_seed(seeds.derive_seed(seed, f"shift {task}"))
    return torch.randperm(places, generator=generator)


def _moved(places: int, seed: int, task: int, share: float) -> Tensor:
    order, count = torch.arange(places), max(2, round(share * places))
    for each in range(1, task + 1):
        moving = permutation(places, seed, each)[:count]
        order[moving] = order[moving.roll(1)]
    return order
